# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sound, by the structure of published models: voice activity with its state,
speaker segmentation, noise suppression, speech synthesis."""

import torch
from torch import nn
from torch.nn import functional

from spec import Family, Input


class Spectrum(nn.Module):
    """A transform by convolution with a fixed basis."""

    def __init__(self, bins: int, hop: int):
        super().__init__()
        self.hop, self.size = hop, 2 * (bins - 1)
        self.cutoff = bins
        basis = torch.fft.fft(torch.eye(self.size))[:bins]
        basis = torch.cat((basis.real, basis.imag))[:, None] * torch.hann_window(
            self.size)
        self.register_buffer("basis", basis)

    def forward(self, x):
        x = functional.pad(x, [0, self.size // 4], "reflect")
        x = x.unsqueeze(1)
        x = functional.conv1d(x, self.basis, stride=self.hop, padding=0)
        real, imaginary = x[:, :self.cutoff, :], x[:, self.cutoff:, :]
        return torch.sqrt(real ** 2 + imaginary ** 2)


class Repeated(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, 3, stride, 1)

    def forward(self, x):
        return functional.relu(self.conv(x))


class StatefulDecoder(nn.Module):
    """One step of a cell for each chunk; no state is a state of zeros."""

    def __init__(self, width: int):
        super().__init__()
        self.rnn = nn.LSTMCell(width, width)
        self.decoder = nn.Sequential(nn.Dropout(0.1), nn.ReLU(),
                                     nn.Conv1d(width, 1, 1), nn.Sigmoid())

    def forward(self, x, state):
        x = x.squeeze(-1)
        if len(state):
            h, c = self.rnn(x, (state[0], state[1]))
        else:
            h, c = self.rnn(x)
        x = h.unsqueeze(-1).float()
        state = torch.stack([h, c])
        return self.decoder(x), state


class OneRate(nn.Module):
    def __init__(self, bins: int, hop: int, width: int):
        super().__init__()
        self.stft = Spectrum(bins, hop)
        self.encoder = nn.Sequential(
            Repeated(bins, width, 1), Repeated(width, width // 2, 2),
            Repeated(width // 2, width // 2, 2), Repeated(width // 2, width, 1))
        self.decoder = StatefulDecoder(width)

    def forward(self, x, state):
        x = self.encoder(self.stft(x))
        out, state = self.decoder(x, state)
        return out.squeeze(1).mean(dim=1, keepdim=True), state


class TwoRates(nn.Module):
    """Two networks, chosen by the rate; exported from a script."""

    def __init__(self):
        super().__init__()
        self.fast = OneRate(17, 16, 16)
        self.slow = OneRate(9, 8, 16)

    def forward(self, input, state, sr):
        if bool(sr == 16000):
            out, state = self.fast(input, state)
        else:
            if bool(sr == 8000):
                out, state = self.slow(input[:, ::2], state)
            else:
                raise ValueError("Supported sampling rates: 8000, 16000")
        return out, state


def voice_by_rate() -> nn.Module:
    return torch.jit.script(TwoRates())


class SincFilters(nn.Module):
    """Band passes that are computed from their edges, as the first layer."""

    def __init__(self, count: int = 8, size: int = 31):
        super().__init__()
        self.low = nn.Parameter(torch.linspace(30, 3000, count)[:, None])
        self.band = nn.Parameter(torch.full((count, 1), 200.0))
        half = size // 2
        self.register_buffer("window", torch.hamming_window(size)[:half])
        self.register_buffer("times", 2 * torch.pi * torch.arange(
            -half, 0).view(1, -1) / 16000)

    def forward(self, x):
        low = 50 + torch.abs(self.low)
        high = torch.clamp(low + 50 + torch.abs(self.band), 50, 8000)
        band = (high - low)[:, 0]
        rise = torch.matmul(low, self.times)
        fall = torch.matmul(high, self.times)
        left = (torch.sin(fall) - torch.sin(rise)) / (self.times / 2)
        left = left * self.window
        center = 2 * band.view(-1, 1)
        taps = torch.cat([left, center, torch.flip(left, dims=[1])], dim=1)
        taps = (taps / (2 * band[:, None])).unsqueeze(1)
        return functional.conv1d(x, taps, stride=4)


class Speakers(nn.Module):
    """Who speaks when: filters, pooling with normalization, LSTMs, and a
    distribution over sets of speakers."""

    def __init__(self, width: int = 8, hidden: int = 12):
        super().__init__()
        self.enter = nn.InstanceNorm1d(1, affine=True)
        self.filters = SincFilters(width)
        self.convs = nn.ModuleList(nn.Conv1d(width, width, 5)
                                   for _ in range(2))
        self.norms = nn.ModuleList(nn.InstanceNorm1d(width, affine=True)
                                   for _ in range(3))
        self.lstm = nn.LSTM(width, hidden, 2, bidirectional=True,
                            batch_first=True)
        self.linear = nn.ModuleList(nn.Linear(inputs, 16)
                                    for inputs in (2 * hidden, 16))
        self.leave = nn.Linear(16, 7)

    def forward(self, waveform):
        x = torch.abs(self.filters(self.enter(waveform)))
        x = functional.leaky_relu(self.norms[0](functional.max_pool1d(x, 3, 3)))
        for conv, norm in zip(self.convs, self.norms[1:]):
            x = functional.max_pool1d(conv(x), 3, 3)
            x = functional.leaky_relu(norm(x))
        x, _ = self.lstm(x.transpose(1, 2))
        for linear in self.linear:
            x = functional.leaky_relu(linear(x))
        return torch.log_softmax(self.leave(x), dim=-1)


class Suppressor(nn.Module):
    """Gains of bands by GRUs, whose states come in and go out; features with
    those of the frames before, causal in time."""

    def __init__(self, bands: int = 8, hidden: int = 16):
        super().__init__()
        self.pad = nn.ConstantPad2d((0, 0, 2, 0), 0.0)
        self.enter = nn.Conv2d(1, 8, (3, 3), padding=(0, 1), bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.depth = nn.Conv2d(8, 8, (1, 3), (1, 2), (0, 1), groups=8)
        self.point = nn.Conv2d(8, 8, 1)
        self.groups = nn.Parameter(torch.randn(4, 8 * bands // 2 // 4,
                                               hidden // 4) / 3)
        self.gru = nn.GRU(hidden, hidden, 2, batch_first=True)
        self.leave = nn.Linear(hidden, 8 * bands // 2)
        self.up = nn.ConvTranspose2d(8, 8, (1, 3), (1, 2), (0, 1), (0, 1),
                                     groups=8)
        self.last = nn.Conv2d(8, 1, 1)

    def forward(self, features, state):
        x = functional.relu(self.norm(self.enter(self.pad(features))))
        x = functional.relu(self.point(self.depth(x)))
        batch, channels, steps, bands = x.shape
        y = x.permute(0, 2, 3, 1).flatten(2)
        y = y.unflatten(-1, (4, -1))
        y = torch.einsum("btgi,gih->btgh", y, self.groups).flatten(2)
        y, state = self.gru(y, state)
        y = functional.relu(self.leave(y)).view(batch, steps, bands, channels)
        y = self.up(y.permute(0, 3, 1, 2) + x)
        return torch.sigmoid(self.last(y)), state


class Voice(nn.Module):
    """Speech from letters: lengths of each, a path of ones between both, a
    flow of masked convolutions, and upsampling; with the noise as an input."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.width = width
        self.letters = nn.Embedding(30, width)
        self.text = nn.Conv1d(width, 2 * width, 3, 1, 1)
        self.length = nn.Conv1d(width, 1, 1)
        self.flow = nn.Conv1d(width // 2, width, 3, 1, 1)
        self.gates = nn.Conv1d(width, 2 * width, 3, 1, 2, 2)
        self.mean = nn.Conv1d(width, width // 2, 1)
        self.up = nn.ConvTranspose1d(width, 8, 8, 4, 2)
        self.blocks = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(nn.Conv1d(8, 8, 3, 1, d, d))
            for d in (1, 3))
        self.last = nn.Conv1d(8, 1, 7, 1, 3, bias=False)

    def forward(self, letters, lengths, noise, scale):
        x = self.letters(letters).transpose(1, 2) * self.width ** 0.5
        places = torch.arange(x.shape[2]).unsqueeze(0)
        x_mask = (places < lengths.unsqueeze(1)).unsqueeze(1).to(x.dtype)
        stats = self.text(x * x_mask) * x_mask
        mean, spread = torch.split(stats, self.width, dim=1)
        durations = torch.ceil(functional.softplus(self.length(x)) * x_mask
                               * scale[0])
        y_lengths = torch.clamp_min(torch.sum(durations, [1, 2]), 1).long()
        steps = noise.shape[2]
        y_mask = (torch.arange(steps).unsqueeze(0) < y_lengths.unsqueeze(1))
        y_mask = y_mask.unsqueeze(1).to(x.dtype)
        ends = torch.cumsum(durations.squeeze(1), -1)
        path = (torch.arange(steps).view(1, 1, -1) < ends.unsqueeze(-1)).to(
            x.dtype)
        path = path - functional.pad(path, [0, 0, 1, 0, 0, 0])[:, :-1]
        path = path.transpose(1, 2)
        mean = torch.matmul(path, mean.transpose(1, 2)).transpose(1, 2)
        spread = torch.matmul(path, spread.transpose(1, 2)).transpose(1, 2)
        z = (mean + noise * torch.exp(0.1 * spread)) * y_mask
        first, second = torch.split(z, self.width // 2, 1)
        h = self.gates(self.flow(first) * y_mask)
        t, s = h.chunk(2, 1)
        h = torch.tanh(t) * torch.sigmoid(s)
        second = (second - self.mean(h) * y_mask)
        z = torch.flip(torch.cat([first, second], 1), [1])
        y = self.up(functional.leaky_relu(z * y_mask, 0.1))
        for block in self.blocks:
            y = y + block(functional.leaky_relu(y, 0.1))
        return torch.tanh(self.last(functional.leaky_relu(y))), y_lengths


FAMILIES = (
    Family("speakers", Speakers, (Input("waveform", ("batch", 1, "time")),),
           ({"batch": 2, "time": 800}, {"batch": 1, "time": 999},
            {"batch": 3, "time": 640})),
    Family("suppressor", Suppressor, (
        Input("features", ("batch", 1, "steps", 8)),
        Input("state", (2, "batch", 16))),
        ({"batch": 2, "steps": 5}, {"batch": 1, "steps": 1},
         {"batch": 3, "steps": 11})),
    Family("voice", Voice, (
        Input("letters", ("batch", "letters"), "ids", 30),
        Input("lengths", ("batch",), "ids", 6),
        Input("noise", ("batch", 16, "steps")),
        Input("scale", (1,), "uniform")),
        ({"batch": 2, "letters": 6, "steps": 20},
         {"batch": 1, "letters": 9, "steps": 7},
         {"batch": 3, "letters": 1, "steps": 33})),
    Family("voice_by_rate", voice_by_rate, (
        Input("input", ("batch", 64), ), Input("state", (2, "batch", 16)),
        Input("sr", (), "number", start="rate")),
        ({"batch": 1, "rate": 16000}, {"batch": 3, "rate": 16000},
         {"batch": 2, "rate": 8000})),
)
