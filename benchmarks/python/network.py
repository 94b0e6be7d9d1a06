"""The airbench network (K. Jordan, arXiv:2404.00498) in plain PyTorch, its tensors named as in weights.safetensors."""

import torch
import torch.nn.functional as F
from torch import nn

WHITEN_EPSILON = 5e-4
ACTIVATIONS = {"gelu": F.gelu, "silu": F.silu, "relu": F.relu}


class Conv(nn.Conv2d):
    """Convolution that computes in its input's type, whatever its weight is kept in."""

    def forward(self, x):
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.conv2d(x, self.weight.to(x.dtype), bias, padding=self.padding)


def conv3x3(inputs, outputs):
    conv = Conv(inputs, outputs, 3, padding=1, bias=False)
    nn.init.dirac_(conv.weight.data[:inputs])   # the first filters pass their input on; the others keep the default
    return conv


def batch_norm(channels, epsilon, momentum):
    """Keeps parameters and statistics in fp32 and takes inputs of any type. The scale is fixed at 1."""
    norm = nn.BatchNorm2d(channels, eps=epsilon, momentum=momentum)
    norm.weight.requires_grad_(False)
    return norm


class Group(nn.Module):
    """conv, pool, norm, activation, then conv, norm, activation; at depth 3 once more, with the first activation added."""

    def __init__(self, inputs, width, depth, activation, epsilon, momentum):
        super().__init__()
        self.conv1, self.norm1 = conv3x3(inputs, width), batch_norm(width, epsilon, momentum)
        self.conv2, self.norm2 = conv3x3(width, width), batch_norm(width, epsilon, momentum)
        if depth == 3:
            self.conv3, self.norm3 = conv3x3(width, width), batch_norm(width, epsilon, momentum)
        self.depth, self.activation = depth, activation

    def forward(self, x):
        first = x = self.activation(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        x = self.activation(self.norm2(self.conv2(x)))
        return self.activation(self.norm3(self.conv3(x)) + first) if self.depth == 3 else x


class Net(nn.Module):
    """Logits, fp32 (N, K), of normalized images (N, 3, S, S); the images' type decides the arithmetic, the head's is fp32."""

    def __init__(self, classes, widths, logit_scale, depth=2, activation="gelu", epsilon=1e-12, momentum=0.4):
        super().__init__()
        self.whiten = Conv(3, 24, 2)
        self.whiten.weight.requires_grad_(False)
        for i, (inputs, width) in enumerate(zip((24, *widths), widths), start=1):
            self.add_module(f"group{i}", Group(inputs, width, depth, ACTIVATIONS[activation], epsilon, momentum))
        self.head = nn.Linear(widths[-1], classes, bias=False)
        self.groups = len(widths)
        self.logit_scale = logit_scale

    def keep_weights_in(self, dtype):
        """Weights of convolutions and head in `dtype`; batch norm stays fp32."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                module.to(dtype)

    @torch.no_grad()
    def set_whitening(self, images):
        """Eigenvectors of the 2x2x3 patches of normalized fp32 images, each over the root of its eigenvalue, and their negatives."""
        # float64: in fp32 the smallest eigenvalue of photographs can come out negative, and the whole run is NaN.
        values, vectors = torch.linalg.eigh(patch_covariance(images))
        filters = (vectors / torch.sqrt(values + WHITEN_EPSILON)).T.flip(0).reshape(12, 3, 2, 2)
        self.whiten.weight.copy_(torch.cat([filters, -filters]))

    def forward(self, x):                                    # (N, 3, 32, 32)
        x = F.gelu(self.whiten(x))                           # (N, 24, 31, 31)
        for i in range(1, self.groups + 1):
            x = getattr(self, f"group{i}")(x)                # 31 -> 15 -> 7 -> 3
        # Not amax: compiled, its gradient looks for the maximum among values that are not rounded to bf16 as the maximum is, finds none, and is NaN.
        x = F.max_pool2d(x, x.shape[-1]).flatten(1)          # (N, W3)
        return F.linear(x.float(), self.head.weight.float()) * self.logit_scale


def patch_covariance(images):
    """float64 (12, 12): P^T P / n over all 2x2x3 patches of normalized images, not centred."""
    covariance, count = 0, 0
    for part in images.split(500):   # all patches at once would take gigabytes
        patches = part.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12).double()
        covariance, count = covariance + patches.T @ patches, count + len(patches)
    return covariance / count
