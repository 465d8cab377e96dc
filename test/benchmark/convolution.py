# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rate of a 3x3 convolution against that of the same matrix product.

    python test/benchmark/convolution.py [--recipe R] [--rounds N]

56 x 56 pixels of 64 channels to 64 channels are 3136 x 576 x 64 products,
measured in turns as a convolution and as a linear on rows of 576, one thread.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import engines

PIXELS, CHANNELS, TAPS = 56 * 56, 64, 9
CONVOLUTION = """
func.func @main(%x: tensor<1x56x56x64xf32> {qnn.name = "x"})
    -> (tensor<1x56x56x64xf32> {qnn.name = "y"})
    attributes {qnn.entry, qnn.symbols = []} {
  %w = qnn.constant dense<0.01> : tensor<64x3x3x64xf32>
      -> tensor<64x3x3x64xf32>
  %y = qnn.conv %x, %w {strides = array<i64: 1, 1>,
      dilations = array<i64: 1, 1>, pad_low = array<i64: 1, 1>,
      pad_high = array<i64: 1, 1>, groups = 1 : i64, channels_last = true}
      : (tensor<1x56x56x64xf32>, tensor<64x3x3x64xf32>)
      -> tensor<1x56x56x64xf32>
  return %y : tensor<1x56x56x64xf32>
}
"""
PRODUCT = """
func.func @main(%x: tensor<3136x576xf32> {qnn.name = "x"})
    -> (tensor<3136x64xf32> {qnn.name = "y"})
    attributes {qnn.entry, qnn.symbols = []} {
  %w = qnn.constant dense<0.01> : tensor<64x576xf32> -> tensor<64x576xf32>
  %y = qnn.linear %x, %w : (tensor<3136x576xf32>, tensor<64x576xf32>)
      -> tensor<3136x64xf32>
  return %y : tensor<3136x64xf32>
}
"""


def quantc(*arguments) -> str:
    return subprocess.run(
        [str(engines.build_folder() / "bin" / "quantc"), *map(str, arguments)],
        capture_output=True, text=True, check=True).stdout


def rates(recipe: str, rounds: int) -> tuple[float, float]:
    """Billions of multiply-adds per second, convolution and product."""
    work = PIXELS * CHANNELS * CHANNELS * TAPS
    texts = {"convolution": CONVOLUTION, "product": PRODUCT}
    times: dict[str, list[float]] = {name: [] for name in texts}
    with tempfile.TemporaryDirectory(prefix="quantc-conv-") as name:
        folder = pathlib.Path(name)
        for kind, text in texts.items():
            (folder / f"{kind}.mlir").write_text(text)
            quantc("compile", folder / f"{kind}.mlir", "-o",
                   folder / f"{kind}.so", "--recipe", recipe)
        for _ in range(rounds):
            for kind in texts:
                record = json.loads(quantc(
                    "bench", folder / f"{kind}.so", "--threads", 1, "--runs",
                    100, "--json"))
                times[kind].append(record["median_ms"])
    return tuple(work / statistics.median(times[kind]) / 1e6
                 for kind in texts)


def relative_rate(rounds: int) -> float:
    """Of the float convolution over the float product."""
    convolution, product = rates("fp32", rounds)
    return convolution / product


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="fp32")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    convolution, product = rates(options.recipe, options.rounds)
    print(f"{options.recipe}: convolution {convolution:.1f}, product "
          f"{product:.1f} billion multiply-adds per second, "
          f"{100 * convolution / product:.0f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
