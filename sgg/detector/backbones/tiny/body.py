"""The convolutions of the tiny detector."""

from __future__ import annotations

from torch import nn


class TinyBody(nn.Sequential):
    """Four convolutions to 32 channels at stride 8: enough for the 176-pixel images of the toy genome."""

    out_channels = 32

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs, stride in ((3, 24, 2), (24, 32, 2), (32, 32, 2), (32, 32, 1)):
            layers += [nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs),
                       nn.ReLU(inplace=True)]
        super().__init__(*layers)
