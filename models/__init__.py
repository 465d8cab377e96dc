# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The real models quantc is developed and measured with, and their data.

`minilm` writes the sentence-embedding model from a published checkpoint;
`train_classifier` and `train_decoder` train the two committed models; `data`
reads text and images from Debian packages.  Nothing here imports quantc.
"""
