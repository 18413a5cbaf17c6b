// The light on the picture: two sliders in a box that the button "Light" opens.

/** wireLight({button, onLight(brightness, contrast), onClose}) -> {toggle, reset, isOpen}; both values in percent. */
export function wireLight({ button, onLight, onClose }) {
  const box = document.getElementById("light");
  const brightness = document.getElementById("brightness");
  const contrast = document.getElementById("contrast");
  const tell = () => onLight(Number(brightness.value), Number(contrast.value));
  for (const slider of [brightness, contrast]) {
    slider.addEventListener("input", tell);
  }
  return {
    isOpen: () => !box.hidden,
    toggle() {
      box.hidden = !box.hidden;
      button.setAttribute("aria-expanded", String(!box.hidden));
      if (box.hidden) {
        onClose();
      } else {
        brightness.focus();
      }
    },
    reset() {
      brightness.value = 100;
      contrast.value = 100;
      tell();
    },
  };
}
