# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Audio, video, point clouds and image generation."""

import math

import torch
import transformers
from torch import nn
from torch.nn import functional

from models_image import Pick
from spec import Family, Input, batches

WHISPER = transformers.WhisperConfig(
    vocab_size=99, num_mel_bins=8, d_model=32, encoder_layers=2,
    decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
    encoder_ffn_dim=64, decoder_ffn_dim=64, max_source_positions=12,
    max_target_positions=32, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    decoder_start_token_id=1)


def whisper_encoder() -> nn.Module:
    model = transformers.WhisperModel(WHISPER)
    return Pick(model.encoder, ("input_features",), ("last_hidden_state",))


class WhisperDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        model = transformers.WhisperForConditionalGeneration(WHISPER)
        self.decoder, self.head = model.model.decoder, model.proj_out

    def forward(self, input_ids, encoder_hidden_states):
        hidden = self.decoder(
            input_ids=input_ids, encoder_hidden_states=encoder_hidden_states,
            use_cache=False).last_hidden_state
        return self.head(hidden)


def wav2vec2() -> nn.Module:
    config = transformers.Wav2Vec2Config(
        vocab_size=20, hidden_size=32, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=64, conv_dim=[16, 16, 16],
        conv_stride=[5, 2, 2], conv_kernel=[10, 3, 2],
        num_feat_extract_layers=3, num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=4)
    return Pick(transformers.Wav2Vec2ForCTC(config), ("input_values",),
                ("logits",))




@torch.jit.script
def _front_scripted(x: torch.Tensor, rate: torch.Tensor, fine: torch.Tensor,
                    coarse: torch.Tensor) -> torch.Tensor:
    if bool(rate == 16000):
        y = torch.conv1d(x, fine, stride=4).abs().mean(-1)
    else:
        if bool(rate == 8000):
            y = torch.conv1d(x, coarse, stride=2).abs().mean(-1)
        else:
            if bool(rate == 32000):
                y = torch.conv1d(x, fine, stride=8).abs().mean(-1)
            else:
                if bool(rate > 32000):
                    y = torch.conv1d(x, fine, stride=12).abs().mean(-1)
                else:
                    y = torch.zeros_like(x).mean(-1) + fine.mean(-1).mean(-1)
    return y


def _front(x, rate, fine, coarse):
    """The level of each band, by filters for the rate of the sound."""
    if torch.jit.is_tracing():
        return _front_scripted(x, rate, fine, coarse)

    def level(weight: str, stride: int):
        def body(x, rate, fine, coarse):
            taps = fine if weight == "fine" else coarse
            return functional.conv1d(x, taps, stride=stride).abs().mean(-1)
        return body

    def other(x, rate, fine, coarse):
        return torch.zeros_like(x).mean(-1) + fine.mean(-1).mean(-1)

    def fast(x, rate, fine, coarse):
        return torch.cond(rate > 32000, level("fine", 12), other,
                          (x, rate, fine, coarse))

    def medium(x, rate, fine, coarse):
        return torch.cond(rate == 32000, level("fine", 8), fast,
                          (x, rate, fine, coarse))

    def slow(x, rate, fine, coarse):
        return torch.cond(rate == 8000, level("coarse", 2), medium,
                          (x, rate, fine, coarse))

    return torch.cond(rate == 16000, level("fine", 4), slow,
                      (x, rate, fine, coarse))


class VoiceActivity(nn.Module):
    """Magnitudes of a windowed transform, convolutions, an LSTM with its state
    outside; how loud the sound is decides by its rate."""

    BANDS = 16

    def __init__(self):
        super().__init__()
        bands = self.BANDS
        phase = torch.arange(bands).outer(torch.arange(2 * bands)) * (
            math.pi / bands)
        basis = torch.cat((phase.cos(), phase.sin())) * torch.hann_window(
            2 * bands)
        self.register_buffer("basis", basis.unsqueeze(1))
        self.fine = nn.Parameter(torch.randn(8, 1, 16) / 4)
        self.coarse = nn.Parameter(torch.randn(8, 1, 8) / 3)
        self.enter = nn.Conv1d(bands, 12, 3, 1, 1)
        self.down = nn.Conv1d(12, 12, 3, 2, 1)
        self.lstm = nn.LSTM(12, 12)
        self.head = nn.Conv1d(12, 1, 1)

    def forward(self, sound, state, rate):
        x = functional.pad(sound.unsqueeze(1), (self.BANDS, self.BANDS),
                           mode="reflect")
        real, imaginary = functional.conv1d(
            x, self.basis, stride=self.BANDS).chunk(2, 1)
        x = torch.sqrt(real.pow(2) + imaginary.pow(2) + 1e-6)
        x = functional.relu(self.down(functional.relu(self.enter(x))))
        hidden, cell = state.chunk(2, 0)
        x, (hidden, cell) = self.lstm(x.permute(2, 0, 1), (hidden, cell))
        level = _front(sound.unsqueeze(1), rate, self.fine, self.coarse)
        x = self.head(functional.relu(x.permute(1, 2, 0)))
        score = torch.sigmoid(x.mean(-1) + level.mean(-1, keepdim=True))
        return score, torch.cat((hidden, cell))


class Pillars(nn.Module):
    """Points of each pillar to features, scattered to a map seen from above;
    convolutions down and up, and the best cells."""

    SIDE = 16

    def __init__(self, width: int = 12):
        super().__init__()
        self.enter = nn.Linear(6, width, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.down = nn.Sequential(
            nn.Conv2d(width, width, 3, 2, 1, bias=False),
            nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1), nn.ReLU())
        self.up = nn.Sequential(
            nn.ConvTranspose2d(width, width, 2, 2, bias=False),
            nn.BatchNorm2d(width), nn.ReLU())
        self.score = nn.Conv2d(2 * width, 2, 1)
        self.box = nn.Conv2d(2 * width, 7, 1)

    def forward(self, pillars, cells):
        batch, count, points, _ = pillars.shape
        x = self.enter(pillars)
        x = self.norm(x.flatten(0, 2)).reshape(batch, count, points, -1)
        x = functional.relu(x).amax(2).transpose(1, 2)
        width = x.shape[1]
        canvas = x.new_zeros(batch, width, self.SIDE * self.SIDE)
        canvas = canvas.scatter(2, cells.unsqueeze(1).expand(-1, width, -1), x)
        canvas = canvas.view(batch, width, self.SIDE, self.SIDE)
        both = torch.cat((canvas, self.up(self.down(canvas))), 1)
        scores = self.score(both).flatten(2).sigmoid().amax(1)
        best, places = scores.topk(6, dim=1)
        boxes = self.box(both).flatten(2)
        boxes = boxes.gather(2, places.unsqueeze(1).expand(-1, 7, -1))
        return best, boxes.transpose(1, 2)


class VideoResolution(nn.Module):
    """Features of one frame warped by a flow to the next, forwards through the
    frames; shuffled to twice the size, over the resized frame."""

    def __init__(self, width: int = 8):
        super().__init__()
        self.width = width
        self.flow = nn.Sequential(nn.Conv2d(6, 8, 3, 1, 1), nn.LeakyReLU(0.1),
                                  nn.Conv2d(8, 2, 3, 1, 1))
        self.step = nn.Sequential(nn.Conv2d(3 + width, width, 3, 1, 1),
                                  nn.LeakyReLU(0.1),
                                  nn.Conv2d(width, width, 3, 1, 1))
        self.wide = nn.Conv2d(width, 4 * width, 3, 1, 1)
        self.leave = nn.Conv2d(width, 3, 3, 1, 1)

    @staticmethod
    def warp(x, flow):
        height, width = x.shape[2:]
        y = torch.arange(height, dtype=x.dtype).view(-1, 1).expand(-1, width)
        z = torch.arange(width, dtype=x.dtype).view(1, -1).expand(height, -1)
        z, y = z + flow[:, 0], y + flow[:, 1]
        grid = torch.stack((2 * z / (width - 1) - 1, 2 * y / (height - 1) - 1),
                           -1)
        return functional.grid_sample(x, grid, mode="bilinear",
                                      padding_mode="border",
                                      align_corners=True)

    def forward(self, frames):
        batch, count, _, height, width = frames.shape
        state = frames.new_zeros(batch, self.width, height, width)
        outputs = []
        for index in range(count):
            frame = frames[:, index]
            if index:
                flow = self.flow(torch.cat((frames[:, index - 1], frame), 1))
                state = self.warp(state, flow)
            state = self.step(torch.cat((frame, state), 1))
            x = functional.pixel_shuffle(self.wide(state), 2)
            x = self.leave(functional.leaky_relu(x, 0.1))
            outputs.append(x + functional.interpolate(
                frame, scale_factor=2.0, mode="bilinear", align_corners=False))
        return torch.stack(outputs, 1)


def wave(steps: torch.Tensor, width: int) -> torch.Tensor:
    """A vector for each time: cosines and sines of falling frequency."""
    rates = torch.exp(torch.arange(width // 2) * (-math.log(1e4) * 2 / width))
    phase = steps.float().unsqueeze(-1) * rates
    return torch.cat((phase.cos(), phase.sin()), -1)


class Attention(nn.Module):
    def __init__(self, width: int, context: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width, bias=False)
        self.k = nn.Linear(context, width, bias=False)
        self.v = nn.Linear(context, width, bias=False)
        self.leave = nn.Linear(width, width)

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x, context):
        x = functional.scaled_dot_product_attention(
            self.split(self.q(x)), self.split(self.k(context)),
            self.split(self.v(context)))
        return self.leave(x.transpose(1, 2).flatten(2))


class DitBlock(nn.Module):
    """Attention and a dense part, whose normalizations the time modulates."""

    def __init__(self, width: int):
        super().__init__()
        self.norms = nn.ModuleList(
            nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
            for _ in range(2))
        self.attention = Attention(width, width, 2)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width),
                                 nn.GELU(approximate="tanh"),
                                 nn.Linear(2 * width, width))
        self.modulate = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x, time):
        parts = self.modulate(time).unsqueeze(1).chunk(6, -1)
        y = self.norms[0](x) * (1 + parts[0]) + parts[1]
        x = x + parts[2] * self.attention(y, y)
        y = self.norms[1](x) * (1 + parts[3]) + parts[4]
        return x + parts[5] * self.mlp(y)


class Dit(nn.Module):
    """A diffusion transformer over patches of a latent image."""

    def __init__(self, width: int = 32, side: int = 8, patch: int = 2):
        super().__init__()
        self.width, self.patch = width, patch
        self.enter = nn.Conv2d(4, width, patch, patch)
        self.places = nn.Parameter(torch.randn(1, (side // patch) ** 2, width))
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(),
                                  nn.Linear(width, width))
        self.label = nn.Embedding(5, width)
        self.blocks = nn.ModuleList(DitBlock(width) for _ in range(2))
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.leave = nn.Linear(width, patch * patch * 4)

    def forward(self, latent, step, label):
        batch, channels, height, _ = latent.shape
        x = self.enter(latent).flatten(2).transpose(1, 2) + self.places
        time = self.time(wave(step, self.width)) + self.label(label)
        for block in self.blocks:
            x = block(x, time)
        x = self.leave(self.norm(x))
        rows = height // self.patch
        x = x.reshape(batch, rows, rows, self.patch, self.patch, channels)
        x = torch.einsum("nhwpqc->nchpwq", x)
        return x.reshape(batch, channels, height, height)


class Residual(nn.Module):
    """Group normalization, SiLU and convolution, twice; the time in between."""

    def __init__(self, inputs: int, outputs: int, time: int):
        super().__init__()
        self.norms = nn.ModuleList((nn.GroupNorm(4, inputs),
                                    nn.GroupNorm(4, outputs)))
        self.convs = nn.ModuleList((nn.Conv2d(inputs, outputs, 3, 1, 1),
                                    nn.Conv2d(outputs, outputs, 3, 1, 1)))
        self.time = nn.Linear(time, outputs)
        self.skip = (nn.Conv2d(inputs, outputs, 1) if inputs != outputs
                     else nn.Identity())

    def forward(self, x, time):
        y = self.convs[0](functional.silu(self.norms[0](x)))
        y = y + self.time(functional.silu(time))[:, :, None, None]
        y = self.convs[1](functional.silu(self.norms[1](y)))
        return self.skip(x) + y


class Spatial(nn.Module):
    """A transformer block over the places of a map that looks at a text."""

    def __init__(self, width: int, context: int):
        super().__init__()
        self.norm = nn.GroupNorm(4, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.own = Attention(width, width, 2)
        self.cross = Attention(width, context, 2)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(2 * width, width)

    def forward(self, x, context):
        height, width = x.shape[2:]
        y = self.norm(x).flatten(2).transpose(1, 2)
        z = self.norms[0](y)
        y = y + self.own(z, z)
        y = y + self.cross(self.norms[1](y), context)
        value, gate = self.wide(self.norms[2](y)).chunk(2, -1)
        y = y + self.narrow(value * functional.gelu(gate))
        return x + y.transpose(1, 2).unflatten(2, (height, width))


class Unet(nn.Module):
    """One level down and up, with the text at the lower one."""

    def __init__(self, width: int = 8, context: int = 12):
        super().__init__()
        self.width, time = width, 16
        self.time = nn.Sequential(nn.Linear(width, time), nn.SiLU(),
                                  nn.Linear(time, time))
        self.enter = nn.Conv2d(4, width, 3, 1, 1)
        self.high = Residual(width, width, time)
        self.down = nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.low = nn.ModuleList(Residual(2 * width, 2 * width, time)
                                 for _ in range(2))
        self.middle = Spatial(2 * width, context)
        self.up = nn.Conv2d(2 * width, width, 3, 1, 1)
        self.join = Residual(2 * width, width, time)
        self.norm = nn.GroupNorm(4, width)
        self.leave = nn.Conv2d(width, 4, 3, 1, 1)

    def forward(self, latent, step, text):
        time = self.time(wave(step, self.width))
        skip = self.high(self.enter(latent), time)
        x = self.low[0](self.down(skip), time)
        x = self.low[1](self.middle(x, text), time)
        x = self.up(functional.interpolate(x, scale_factor=2.0))
        x = self.join(torch.cat((x, skip), 1), time)
        return self.leave(functional.silu(self.norm(x)))


FAMILIES = (
    Family("whisper_encoder", whisper_encoder,
           (Input("input_features", ("batch", 8, 24)),), batches(2, 1, 3)),
    Family("whisper_decoder", WhisperDecoder, (
        Input("input_ids", ("batch", "sequence"), "ids", 99),
        Input("encoder_hidden_states", ("batch", 12, 32))),
        ({"batch": 2, "sequence": 6}, {"batch": 1, "sequence": 1},
         {"batch": 3, "sequence": 11})),
    Family("wav2vec2", wav2vec2, (
        Input("input_values", ("batch", "samples")),),
        ({"batch": 2, "samples": 400}, {"batch": 1, "samples": 555},
         {"batch": 3, "samples": 320})),
    Family("voice_activity", VoiceActivity, (
        Input("sound", ("batch", 128)), Input("state", (2, "batch", 12)),
        Input("rate", (), "number", start="rate")),
        ({"batch": 2, "rate": 16000}, {"batch": 1, "rate": 8000},
         {"batch": 3, "rate": 48000}, {"batch": 1, "rate": 44100},
         {"batch": 1, "rate": 11025})),
    Family("pointpillars", Pillars, (
        Input("pillars", ("batch", "count", 5, 6)),
        Input("cells", ("batch", "count"), "places", 256)),
        ({"batch": 2, "count": 20}, {"batch": 1, "count": 7},
         {"batch": 3, "count": 100})),
    Family("video_resolution", VideoResolution, (
        Input("frames", ("batch", 3, 3, "height", "width"), "uniform"),),
        ({"batch": 2, "height": 8, "width": 12},
         {"batch": 1, "height": 16, "width": 9},
         {"batch": 3, "height": 6, "width": 8})),
    Family("dit", Dit, (
        Input("latent", ("batch", 4, 8, 8)),
        Input("step", ("batch",), "ids", 1000),
        Input("label", ("batch",), "ids", 5)), batches(2, 1, 3)),
    Family("sd_unet", Unet, (
        Input("latent", ("batch", 4, "height", "width")),
        Input("step", ("batch",), "ids", 1000),
        Input("text", ("batch", "sequence", 12))),
        ({"batch": 2, "height": 8, "width": 12, "sequence": 5},
         {"batch": 1, "height": 16, "width": 8, "sequence": 7},
         {"batch": 3, "height": 4, "width": 4, "sequence": 1})),
)
