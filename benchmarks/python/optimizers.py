"""Optimizers of the airbench recipes: Nesterov SGD in PyTorch's fastest form, Muon, Lookahead."""

import inspect

import torch

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 3


def sgd(groups, momentum, device):
    """torch.optim.SGD with one kernel for all parameters where this PyTorch has it. Returns it and the name of the form."""
    known = inspect.signature(torch.optim.SGD.__init__).parameters
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if "fused" in known and (device.type == "cuda" or version >= (2, 4)):
        form = "fused"
    elif "foreach" in known and device.type == "cuda":
        form = "foreach"
    else:
        form = "plain"
    choice = {} if form == "plain" else {form: True}
    groups = [dict(group, initial_lr=group["lr"]) for group in groups]
    return torch.optim.SGD(groups, lr=groups[0]["lr"], momentum=momentum, nesterov=True, **choice), form


class Muon:
    """Momentum, then the nearest semi-orthogonal matrix of the update; every weight is rescaled to norm sqrt(out) before its step."""

    def __init__(self, parameters, lr, momentum):
        self.parameters = list(parameters)
        self.lr, self.momentum = lr, momentum
        self.velocities = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, factor):
        gradients = [p.grad for p in self.parameters]
        torch._foreach_mul_(self.velocities, self.momentum)
        torch._foreach_add_(self.velocities, gradients)
        updates = torch._foreach_add(gradients, self.velocities, alpha=self.momentum)
        for weight, update in zip(self.parameters, updates):
            weight.mul_(len(weight) ** 0.5 / weight.norm())
            direction = orthogonalized(update.reshape(len(update), -1)).reshape(weight.shape)
            weight.add_(direction.to(weight.dtype), alpha=-self.lr * factor)

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None


def orthogonalized(matrix):
    """Newton-Schulz in bf16: singular values of `matrix` driven to about 1."""
    a, b, c = NEWTON_SCHULZ
    x = matrix.bfloat16()
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Lookahead:
    """A slow copy of all floating state, averaged in every 5 steps: slow = lerp(slow, fast, 1 - d), fast = slow."""

    EVERY, DECAY = 5, 0.95 ** 5

    def __init__(self, net):
        self.fast = [t for t in net.state_dict().values() if t.is_floating_point()]
        self.slow = [t.clone() for t in self.fast]
        self.in_one_call = hasattr(torch, "_foreach_lerp_") and hasattr(torch, "_foreach_copy_")

    @torch.no_grad()
    def update(self, decay):
        if self.in_one_call:
            torch._foreach_lerp_(self.slow, self.fast, 1 - decay)
            torch._foreach_copy_(self.fast, self.slow)
        else:
            for slow, fast in zip(self.slow, self.fast):
                slow.lerp_(fast, 1 - decay)
                fast.copy_(slow)
