// The one way in which scripts talk to the server. Every failure becomes an ApiError with a sentence to show.

import { gettext } from "./i18n.js";

export class ApiError extends Error {
  /**
   * code: as the server named it, or "offline" / "server_error"; fields: {name: [sentence, …]}.
   * @param {string} message
   * @param {{code?: string, status?: number, fields?: Record<string, string[]>}} told
   */
  constructor(message, { code = "server_error", status = 0, fields = {} } = {}) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.fields = fields;
  }

  /** True when the request never reached the server and may be sent again later. */
  get offline() {
    return this.code === "offline";
  }
}

function csrfToken() {
  const meta = document.querySelector("meta[name=csrf-token]");
  if (meta instanceof HTMLMetaElement && meta.content) {
    return meta.content;
  }
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
  return cookie ? decodeURIComponent(cookie.slice("csrftoken=".length)) : "";
}

/** @param {string} url @param {ApiQuery | undefined} query */
function withQuery(url, query) {
  const given = Object.entries(query || {}).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  const pairs = given.map(([name, value]) => [name, String(value)]);
  if (!pairs.length) {
    return url;
  }
  return url + (url.includes("?") ? "&" : "?") + new URLSearchParams(pairs).toString();
}

/** @param {Response} response */
async function failure(response) {
  /** @type {{code?: string, message?: string, fields?: Record<string, string[]>}} */
  let told = {};
  try {
    told = (await response.json()).error || {};
  } catch {
    told = {};
  }
  const message = told.message || gettext("The server could not do this. Try again in a minute.");
  return new ApiError(message, { code: told.code, status: response.status, fields: told.fields });
}

/** The answer, whatever it says; an ApiError when there is none. @param {string} url @param {RequestInit} init */
export async function reach(url, init) {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new ApiError(gettext("There is no connection to the server. Check the network and try again."), {
      code: "offline",
    });
  }
}

/**
 * @param {string} method
 * @param {string} url
 * @param {unknown} body
 * @param {ApiOptions} options
 * @returns {Promise<any>}
 */
async function request(method, url, body, { query, signal, headers = {}, keepalive = false }) {
  /** @type {Record<string, string>} */
  const sent = { Accept: "application/json", ...headers };
  /** @type {RequestInit} */
  const init = { method, headers: sent, credentials: "same-origin", signal, keepalive };
  if (method !== "GET") {
    sent["X-CSRFToken"] = csrfToken();
  }
  if (body instanceof FormData) {
    init.body = body;
  } else if (body !== undefined) {
    sent["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const response = await reach(withQuery(url, query), init);
  if (!response.ok) {
    throw await failure(response);
  }
  if (response.status === 204) {
    return null;
  }
  const type = response.headers.get("Content-Type") || "";
  return type.includes("json") ? response.json() : response;
}

/** Answers are the parsed JSON, null for 204, or the Response itself when it is not JSON (an image, a CSV). */
export const api = {
  get: (/** @type {string} */ url, /** @type {ApiOptions} */ options = {}) => request("GET", url, undefined, options),
  post: (/** @type {string} */ url, /** @type {unknown} */ body = {}, /** @type {ApiOptions} */ options = {}) =>
    request("POST", url, body, options),
  put: (/** @type {string} */ url, /** @type {unknown} */ body = {}, /** @type {ApiOptions} */ options = {}) =>
    request("PUT", url, body, options),
};
