"""EfficientNet-Lite0 with ImageNet weights: read without torch, rebuilt in Keras, tapped where the ground shows itself.

Lite0 is the variant of EfficientNet (Tan & Le 2019) without squeeze-and-excitation and with ReLU6 that Google published
for small devices. Left out: its classes of ImageNet.
"""
