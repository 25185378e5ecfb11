"""What PyTorch makes of small sequences: outputs and gradients, in our order of weights. Writes sequence.npz.

    python tests/truth/sequence.py     # with torch 2.13; not a part of the test environment

Matrices are transposed (ours multiply from the right), a layer's two biases are added, and the GRU's z is one minus
PyTorch's, so that its part of the weights changes sign.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
KEPT = {}
B, T, IN, WIDTH = 3, 6, 3, 4
LENGTHS = torch.tensor([6, 4, 1])


def keep(name, **arrays):
    for part, array in arrays.items():
        if array is not None:
            KEPT[f"{name}/{part}"] = array.detach().numpy() if torch.is_tensor(array) else np.asarray(array)


def drawn(*shape):
    return torch.randn(*shape).mul(0.7).requires_grad_()


def loss(outputs):
    """Weighs entries differently, so that no gradient is right by symmetry."""
    return (outputs * torch.cos(torch.arange(outputs.numel()).reshape(outputs.shape))).sum() + (outputs**2).sum()


def ours(kind, parameters):
    """W_x, b, W_h and the GRU's shift of one layer and direction, as we have them; works for gradients too."""
    W_x, W_h, b_x, b_h = parameters
    if kind != "gru":
        return W_x.T, b_x, b_h, W_h.T, None
    n = WIDTH
    sign = torch.ones(3 * n, 1)
    sign[n : 2 * n] = -1
    return (sign * W_x).T, sign[:, 0] * b_x, sign[:, 0] * b_h, (sign * W_h).T, b_h[2 * n :]


def recurrent(kind):
    net = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind](
        IN, WIDTH, num_layers=2, bidirectional=True, batch_first=True
    )
    for one in net.parameters():
        one.data = torch.randn_like(one) * 0.5
    x = drawn(B, T, IN)
    packed = nn.utils.rnn.pack_padded_sequence(x, LENGTHS, batch_first=True)
    outputs, state = net(packed)
    outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=T)
    loss(outputs).backward()
    keep(kind, x=x, outputs=outputs, dx=x.grad, lengths=LENGTHS)
    for i, one in enumerate(state if kind == "lstm" else (state,)):
        keep(kind, **{f"state{i}": one})
    for layer in range(2):
        for direction, suffix in enumerate(("", "_reverse")):
            names = [f"{part}_l{layer}{suffix}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            given = [getattr(net, name) for name in names]
            n = WIDTH
            W, b, c, U, shift = ours(kind, given)
            dW, db, _, dU, dshift = ours(kind, [one.grad for one in given])
            both = b + c
            if kind == "gru":  # the candidate's second bias stays inside the reset
                both = torch.cat([both[: 2 * n], b[2 * n :]])
            keep(f"{kind}/{layer}{direction}", W=W, b=both, U=U, shift=shift, dW=dW, db=db, dU=dU, dshift=dshift)


def one_layer(name, step, gates, states=1):
    """A cell that PyTorch has not: its formulas, differentiated by it."""
    W, b, U = drawn(IN, gates * WIDTH), drawn(gates * WIDTH), drawn(WIDTH, gates * WIDTH)
    x, outputs = drawn(B, T, IN), []
    scale = [drawn(gates * WIDTH) for _ in range(4)]
    state = (torch.zeros(B, WIDTH),) * states
    for t in range(T):
        state = step(x[:, t], state, W, b, U, scale)
        outputs.append(state[0])
    outputs = torch.stack(outputs, 1)
    loss(outputs).backward()
    keep(name, x=x, W=W, b=b, U=U, outputs=outputs, dx=x.grad, dW=W.grad, db=b.grad, dU=U.grad)
    for i, one in enumerate(scale):
        keep(name, **{f"n{i}": one, f"dn{i}": one.grad})


def gru_before(x, state, W, b, U, scale):
    (h,), n = state, WIDTH
    a = x @ W + b
    r, z = torch.sigmoid(a[:, : 2 * n] + h @ U[:, : 2 * n]).chunk(2, 1)
    return ((1 - z) * h + z * torch.tanh(a[:, 2 * n :] + (r * h) @ U[:, 2 * n :]),)


def lstm_normalised(x, state, W, b, U, scale):
    (h, C), k = state, (4 * WIDTH,)
    z = F.layer_norm(x @ W, k, scale[0], scale[1]) + b + F.layer_norm(h @ U, k, scale[2], scale[3])
    i, f, g, o = z.chunk(4, 1)
    C = torch.sigmoid(f) * C + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(C), C


def convolutions():
    x, net = drawn(B, 10, IN), nn.Conv1d(IN, WIDTH, 3, dilation=2)
    outputs = net(F.pad(x.transpose(1, 2), (4, 0))).transpose(1, 2)
    loss(outputs).backward()
    flat = lambda w: w.permute(2, 1, 0).reshape(-1, WIDTH)  # (out, in, span) -> (span * in, out)
    keep("causal", x=x, outputs=outputs, dx=x.grad, W=flat(net.weight), b=net.bias)
    keep("causal", dW=flat(net.weight.grad), db=net.bias.grad)
    for stride, padding in ((1, "same"), (2, "valid")):
        x, net = drawn(2, 7, 6, 2), nn.Conv2d(2, 3, 3, stride=stride, padding=padding)
        outputs = net(x.permute(0, 3, 1, 2))
        most, mean = F.max_pool2d(outputs, 2), F.avg_pool2d(outputs, 2)
        (loss(most) + loss(mean)).backward()
        last = lambda y: y.permute(0, 2, 3, 1)
        turned = lambda w: w.permute(2, 3, 1, 0)
        keep(f"2d{stride}", x=x, outputs=last(outputs), max=last(most), mean=last(mean), dx=x.grad)
        keep(f"2d{stride}", W=turned(net.weight), b=net.bias, dW=turned(net.weight.grad), db=net.bias.grad)


def dense(linear_weight, linear_bias):
    return {"W": linear_weight.T, "b": linear_bias}


def head_parts(net, d, grad):
    of = (lambda p: p.grad) if grad else (lambda p: p)
    q, k, v = (
        of(net.in_proj_weight).chunk(3)
        if net.in_proj_weight is not None
        else (of(net.q_proj_weight), of(net.k_proj_weight), of(net.v_proj_weight))
    )
    b = of(net.in_proj_bias).chunk(3)
    matrices = (q, k, v, of(net.out_proj.weight))
    shifts = (*b, of(net.out_proj.bias))
    return {
        f"{d}{part}{name}": one
        for part, ones in (("W", [m.T for m in matrices]), ("b", shifts))
        for name, one in zip("qkvo", ones, strict=True)
    }


def attention():
    width, heads, S = 8, 2, 5
    for name, size in (("self", None), ("cross", 3)):
        net = nn.MultiheadAttention(width, heads, batch_first=True, kdim=size, vdim=size)
        for one in net.parameters():
            one.data = torch.randn_like(one) * 0.4
        x, context = drawn(B, T, width), drawn(B, S, 3)
        mask = torch.arange(T if size is None else S) < torch.tensor([T if size is None else S, 3, 1])[:, None]
        causal = None if size else torch.ones(T, T, dtype=torch.bool).triu(1)
        given = x if size is None else context
        outputs, weights = net(x, given, given, key_padding_mask=~mask, attn_mask=causal, average_attn_weights=False)
        loss(outputs).backward()
        keep(name, x=x, context=context, mask=mask, outputs=outputs, weights=weights, dx=x.grad)
        keep(name, dcontext=context.grad if size else None, **head_parts(net, "", False), **head_parts(net, "d", True))


def block(name, net, x, context, outputs):
    loss(outputs).backward()
    keep(name, x=x, context=context, outputs=outputs, dx=x.grad, dcontext=None if context is None else context.grad)
    for d, grad in (("", False), ("d", True)):
        of = (lambda p: p.grad) if grad else (lambda p: p)
        keep(f"{name}/own", **head_parts(net.self_attn, d, grad))
        if context is not None:
            keep(f"{name}/other", **head_parts(net.multihead_attn, d, grad))
        norms = [net.norm1, net.norm2, *([net.norm3] if context is not None else [])]
        for i, norm in enumerate(norms):
            keep(f"{name}/norm{i}", **{f"{d}scale": of(norm.weight), f"{d}shift": of(norm.bias)})
        for part, linear in (("up", net.linear1), ("down", net.linear2)):
            keep(f"{name}/{part}", **{f"{d}W": of(linear.weight).T, f"{d}b": of(linear.bias)})


def blocks():
    width, heads = 8, 2
    causal = torch.ones(T, T, dtype=torch.bool).triu(1)
    options = {"dim_feedforward": 12, "dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
    net = nn.TransformerEncoderLayer(width, heads, **options)
    other = nn.TransformerDecoderLayer(width, heads, **options)
    for one in [*net.parameters(), *other.parameters()]:
        one.data = one.data + torch.randn_like(one) * 0.3
    x = drawn(B, T, width)
    block("encoder", net, x, None, net(x, src_mask=causal))
    x, context = drawn(B, T, width), drawn(B, 5, width)
    block("decoder", other, x, context, other(x, context, tgt_mask=causal))


def scores():
    n, m, d = 4, 5, 3
    s, h, W = drawn(n, d), drawn(m, d), drawn(d, d)
    Wa, v, Wl = drawn(2 * d, 6), drawn(6), drawn(d, m)
    pair = torch.cat([s[:, None].expand(n, m, d), h[None].expand(n, m, d)], -1)
    found = {
        "cosine": F.cosine_similarity(s[:, None], h[None], dim=-1),
        "additive": torch.tanh(pair @ Wa) @ v,
        "location": s @ Wl,
        "general": s @ W @ h.T,
        "dot": s @ h.T,
        "scaled": s @ h.T / d**0.5,
    }
    keep("scores", s=s, h=h, general_W=W, additive_W=Wa, additive_v=v, location_W=Wl)
    for name, score in found.items():
        y = torch.softmax(score, -1) @ h
        ds, dh = torch.autograd.grad(loss(y), (s, h), retain_graph=True)
        keep("scores", **{f"{name}_outputs": y, f"{name}_ds": ds, f"{name}_dh": dh})
    x, at = drawn(T, 6), torch.arange(T) + 3.0
    turns = at[:, None] * 10_000.0 ** (-2 * torch.arange(3) / 6)
    turned = torch.view_as_complex(x.reshape(T, 3, 2)) * torch.polar(torch.ones_like(turns), turns)
    keep("rotary", x=x, at=at, outputs=torch.view_as_real(turned).reshape(T, 6))


if __name__ == "__main__":
    torch.manual_seed(20)
    for kind in ("elman", "lstm", "gru"):
        recurrent(kind)
    one_layer("before", gru_before, 3)
    one_layer("normalised", lstm_normalised, 4, states=2)
    convolutions()
    attention()
    blocks()
    scores()
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **KEPT)
