"""BERT (Devlin et al. 2019) in plain PyTorch, with the tensor names of transformers.

Post-layer-norm, exact GELU, learned absolute positions. FastLinear multiplies in bfloat16 where that
is faster on the CPU and keeps everything else, weights included, in float32.
"""
import inspect
import math

import torch
from torch import nn
import torch.nn.functional as F

BF16 = False  # on the CPU; on a GPU autocast does it

# Our own checkpoints hold more than tensors; newer versions of torch.load must be told that they are trusted.
TRUSTED = {"weights_only": False} if "weights_only" in inspect.signature(torch.load).parameters else {}


class _Matmul16(torch.autograd.Function):
    """x @ w.T + b with bfloat16 operands; x float32 or bfloat16, the result float32."""

    @staticmethod
    def forward(ctx, x, w, b):
        x16, w16 = x.to(torch.bfloat16), w.to(torch.bfloat16)
        ctx.save_for_backward(x16, w16)
        ctx.dtype = x.dtype
        return F.linear(x16, w16, b.to(torch.bfloat16)).float()

    @staticmethod
    def backward(ctx, g):
        x16, w16 = ctx.saved_tensors
        g16 = g.to(torch.bfloat16)
        return (g16 @ w16).to(ctx.dtype), (g16.T @ x16).float(), g.sum(0)


def linear(x, w, b):
    """x (tokens, in) @ w.T + b."""
    return _Matmul16.apply(x, w, b) if BF16 else F.linear(x, w, b)


class Linear(nn.Linear):
    def forward(self, x):
        return linear(x, self.weight, self.bias)


def config(vocab_size, hidden, layers, heads, ffn, reader=False):
    """config.json as transformers writes it."""
    return {"architectures": ["BertForQuestionAnswering" if reader else "BertModel"], "attention_probs_dropout_prob": 0.1,
            "classifier_dropout": None, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": hidden,
            "initializer_range": 0.02, "intermediate_size": ffn, "layer_norm_eps": 1e-12, "max_position_embeddings": 512,
            "model_type": "bert", "num_attention_heads": heads, "num_hidden_layers": layers, "pad_token_id": 0,
            "position_embedding_type": "absolute", "torch_dtype": "float16", "type_vocab_size": 2, "use_cache": True,
            "vocab_size": vocab_size}


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        h, f = c["hidden_size"], c["intermediate_size"]
        self.heads = c["num_attention_heads"]
        names = nn.ModuleDict
        att = nn.Module()
        att.self = nn.Module()
        att.self.query, att.self.key, att.self.value = Linear(h, h), Linear(h, h), Linear(h, h)
        att.output = names({"dense": Linear(h, h), "LayerNorm": nn.LayerNorm(h, eps=1e-12)})
        self.attention = att
        self.intermediate = names({"dense": Linear(h, f)})
        self.output = names({"dense": Linear(f, h), "LayerNorm": nn.LayerNorm(h, eps=1e-12)})
        self.activations = lambda x: x  # quant.py puts rounding here

    def forward(self, x, bias, n, l):
        """x (n*l, hidden); bias (n, 1, 1, l) is 0 for tokens and very negative for padding."""
        act = self.activations
        s, h = self.attention.self, self.heads
        d = x.shape[1] // h
        three = (s.query, s.key, s.value)  # one product for the three: it converts x once
        y = linear(act(x), torch.cat([t.weight for t in three]), torch.cat([t.bias for t in three]))
        q, k, v = y.view(n, l, 3, h, d).permute(2, 0, 3, 1, 4)
        if x.is_cuda:
            v = F.scaled_dot_product_attention(q, k, v, attn_mask=None if bias is None else bias.to(q.dtype))
        else:
            a = (q * (1 / math.sqrt(d))) @ k.transpose(2, 3)
            if bias is not None:
                a = a + bias
            a = torch.softmax(a, -1)
            v = a.to(torch.bfloat16) @ v.to(torch.bfloat16) if BF16 else a @ v
        v = v.transpose(1, 2).reshape(n * l, h * d)
        x = self.attention.output["LayerNorm"](x + self.attention.output["dense"](act(v)))
        f = self.output["dense"](act(F.gelu(self.intermediate["dense"](act(x)))))
        return self.output["LayerNorm"](x + f)


class Bert(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        h = c["hidden_size"]
        e = nn.Module()
        e.word_embeddings = nn.Embedding(c["vocab_size"], h)
        e.position_embeddings = nn.Embedding(c["max_position_embeddings"], h)
        e.token_type_embeddings = nn.Embedding(c["type_vocab_size"], h)
        e.LayerNorm = nn.LayerNorm(h, eps=1e-12)
        self.embeddings = e
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.zeros_(m.bias)

    def forward(self, ids, types=None, lengths=None):
        """Hidden states (n, l, hidden) of padded ids (n, l)."""
        n, l = ids.shape
        e = self.embeddings
        x = e.word_embeddings(ids) + e.position_embeddings.weight[:l]
        x = x + (e.token_type_embeddings.weight[0] if types is None else e.token_type_embeddings(types))
        x = e.LayerNorm(x).view(n * l, -1)
        bias = None
        if lengths is not None and (ids.is_cuda or int(lengths.min()) < l):
            gone = torch.arange(l, device=ids.device)[None, None, None] >= lengths[:, None, None, None]
            bias = torch.zeros(n, 1, 1, l, device=ids.device).masked_fill_(gone, -1e9)
        for layer in self.encoder.layer:
            x = layer(x, bias, n, l)
        return x.view(n, l, -1)


class Encoder(nn.Module):
    """Bert, mean pooling over all tokens, unit length."""

    def __init__(self, c):
        super().__init__()
        self.bert = Bert(c)

    def forward(self, ids, lengths):
        x = self.bert(ids, None, lengths)
        keep = (torch.arange(ids.shape[1], device=ids.device)[None] < lengths[:, None]).to(x.dtype)
        x = torch.bmm(keep[:, None], x)[:, 0] / lengths[:, None]
        return F.normalize(x.float(), dim=1)


class Reader(nn.Module):
    """Start and end logits over [CLS] question [SEP] passage [SEP]."""

    def __init__(self, c):
        super().__init__()
        self.bert = Bert(c)
        self.qa_outputs = nn.Linear(c["hidden_size"], 2)
        nn.init.normal_(self.qa_outputs.weight, std=0.02)
        nn.init.zeros_(self.qa_outputs.bias)

    def forward(self, ids, types, lengths):
        x = self.qa_outputs(self.bert(ids, types, lengths))
        x = x.float()
        gone = torch.arange(ids.shape[1], device=ids.device)[None] >= lengths[:, None]
        return x[..., 0].masked_fill(gone, -1e9), x[..., 1].masked_fill(gone, -1e9)


def pad(lists):
    """(ids, lengths) of id lists, padded with 0."""
    n = torch.tensor([len(x) for x in lists])
    out = torch.zeros(len(lists), int(n.max()), dtype=torch.long)
    for i, x in enumerate(lists):
        out[i, :len(x)] = torch.as_tensor(x if isinstance(x, list) else x.astype("int64"))
    return out, n
