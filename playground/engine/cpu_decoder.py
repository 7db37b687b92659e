"""The usual decoder (Llama, Mistral, Qwen2, Qwen3) on a CPU, written out: the same numbers in a tenth of the calls.

A step of a small model spends more time in Python than in arithmetic. Here the model's own weights are used with some
thirty operations a layer, without modules, masks and copies of keys, and the linear layers of all rows are one product;
single steps go to `compiled_step` once that is ready. That both compute what the model computes is checked, not
assumed: when it is made, and when the compiled step is ready. Knows nothing of text and sampling.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playground.engine import lane
from playground.engine.compiled_step import FEW, CompiledStep
from playground.engine.cpu_attention import attend_after
from playground.engine.cpu_rows import Row
from playground.engine.decoder_layers import Layer, layers
from playground.engine.packed import Packed, PackedModel, unusual
from playground.engine.peft_adapters import use_adapter
from playground.engine.runner import GivenUpError, UnsupportedModelError, never

if TYPE_CHECKING:
    import torch

_CLOSE = 1e-3
"""How far scores may be from the model's own, relative to their size; the order of additions alone makes 1e-6."""
_BATCH, _ALONE = (128, 512), (128, 2048)
"""Fewest and most tokens of a prompt to read at a time: more are faster, but others wait."""
_PATIENCE = 0.7, 2.0
"""Seconds that this may take."""
log = logging.getLogger(__name__)


class DecoderRunner:
    """See `runner.Runner`."""

    def __init__(self, model: Any, rows: int, context_length: int) -> None:
        """Take `model`, in eval mode, fp32 outside of packed weights. Raises UnsupportedModelError saying why not."""
        import torch

        if why := unusual(model):
            raise UnsupportedModelError(why)
        if model.device.type != "cpu" or model.model.norm.weight.dtype != torch.float32:
            raise UnsupportedModelError(f"it is on {model.device} in {model.dtype}")
        self._model = model
        attention, config = model.model.layers[0].self_attn, model.config
        self._heads, self._groups = config.num_attention_heads, config.num_key_value_heads
        self._width, self._scale, self._eps = attention.head_dim, attention.scaling, config.rms_norm_eps
        self.rows, self.context_length, self.batch, self.alone = rows, context_length, 256, 256
        self._held: list[Row | None] = [None] * rows
        self._layers: list[Layer] = []
        self._spaces: dict[int, torch.Tensor] = {}
        self._packed: PackedModel | None = getattr(model, "playground_packed", None)
        self._compiled: CompiledStep | None = None
        if self._packed is not None:
            self._compiled = CompiledStep(model, self._packed, torch.get_num_threads())
        self._proved = False
        """Whether the compiled step was seen to compute what torch does."""
        try:
            self._bind()
            self._check()
        except BaseException:
            self.close()
            raise

    def length(self, row: int) -> int:
        """See Runner.length."""
        held = self._held[row]
        return 0 if held is None else held.length

    def extend(self, row: int, tokens: Sequence[int], given_up: Callable[[], bool] = never) -> torch.Tensor:
        """See Runner.extend. After a failure the row holds what it held before."""
        began = time.perf_counter()
        scores = self._scores(list(tokens), {row: len(tokens)}, given_up)[0]
        if len(tokens) >= _BATCH[0]:
            speed = len(tokens) / (time.perf_counter() - began)
            self.batch, self.alone = (
                int(min(max(speed * seconds, least), most))
                for seconds, (least, most) in zip(_PATIENCE, (_BATCH, _ALONE), strict=True)
            )
        return scores

    def step(self, tokens: Mapping[int, int], width: int = 0) -> Mapping[int, torch.Tensor]:
        """See Runner.step."""
        # Rows beyond those that anyone else knows of.
        spare = range(self.rows, self.rows + width - len(tokens))
        self._held += [None] * (self.rows + len(spare) - len(self._held))
        every = {**tokens, **dict.fromkeys(spare, 0)}
        scores = self._scores(list(every.values()), dict.fromkeys(every, 1))
        for row in spare:
            self.truncate(row, 0)
        return dict(zip(tokens, scores, strict=False))

    def width(self, rows: int) -> int:
        """See Runner.width; by how the compiled step multiplies."""
        return 1 if rows <= FEW else FEW + 1

    def truncate(self, row: int, length: int) -> int:
        """See Runner.truncate; it can always go back."""
        held = self._held[row]
        if held is None or length <= 0:
            self._held[row] = None
            return 0
        held.length = min(held.length, length)
        return held.length

    def copy(self, source: int, target: int, length: int) -> int:
        """See Runner.copy."""
        import torch

        held = self._held[source]
        if source == target or held is None or length <= 0:
            return self.truncate(target, length if source == target else 0)
        length = min(length, held.length)
        self._held[target] = None  # What it held goes back before the copy is made.
        with torch.inference_mode():
            self._held[target] = held.beginning(length)
        return length

    def use_adapter(self, name: str) -> None:
        """See Runner.use_adapter."""
        use_adapter(self._model, name)
        self._bind()

    def close(self) -> None:
        """See Runner.close."""
        if self._compiled is not None:
            self._compiled.close()

    def _bind(self) -> None:
        """Look up the weights anew: adapters put layers of their own around the model's."""
        self._layers = layers(self._model, self._packed, self._space, self._widen)
        if self._compiled is not None:
            self._compiled.adapt()

    def _scores(self, tokens: list[int], rows: Mapping[int, int], given_up: Callable[[], bool] = never) -> torch.Tensor:
        """Read `tokens`, so many for each row, one after the other; the scores (rows, vocabulary) after each's last."""
        import torch

        held, counts = [self._row(row) for row in rows], list(rows.values())
        for row, count in zip(held, counts, strict=True):
            row.make_room(count)
        with torch.inference_mode():
            places = [torch.arange(row.length, row.length + count) for row, count in zip(held, counts, strict=True)]
            states = self._model.model.embed_tokens(torch.tensor(tokens))
            cosine, sine = self._rotation(states, torch.cat(places))
            if self._compiled is not None and len(tokens) <= self._compiled.most and self._usable():
                where = [row.place(count) for row, count in zip(held, counts, strict=True)]
                scores = self._compiled.run(states, cosine, sine, where)
                lane.alone()
            else:
                lane.together()
                scores = self._read(states, (cosine[:, None], sine[:, None]), held, counts, given_up)
        for row, count in zip(held, counts, strict=True):
            row.length += count
        return scores

    def _row(self, number: int) -> Row:
        held = self._held[number]
        if held is None:
            held = self._held[number] = Row(len(self._layers), self._groups, self.context_length, self._width)
        return held

    def _read(
        self,
        states: torch.Tensor,
        turn: tuple[torch.Tensor, torch.Tensor],
        held: list[Row],
        counts: list[int],
        given_up: Callable[[], bool],
    ) -> torch.Tensor:
        for at, layer in enumerate(self._layers):
            if given_up():
                raise GivenUpError
            states = self._layer(layer, at, states, turn, held, counts)
        last = self._norm(states, self._model.model.norm.weight)
        if self._compiled is not None and self._compiled.ready and self._proved:
            return self._compiled.scores(last)
        scores: torch.Tensor = self._model.lm_head(last).float()
        return scores

    def _layer(
        self,
        layer: Layer,
        at: int,
        states: torch.Tensor,
        turn: tuple[torch.Tensor, torch.Tensor],
        held: list[Row],
        counts: list[int],
    ) -> torch.Tensor:
        import torch

        count, turned = len(states), self._heads + self._groups
        given = layer.qkv(self._norm(states, layer.before_attention)).view(count, turned + self._groups, self._width)
        heads, values = given[:, :turned], given[:, turned:]
        if layer.of_heads is not None:
            heads = self._norm(heads, layer.of_heads)
        cosine, sine = turn
        heads = torch.addcmul(heads * cosine, heads.roll(self._width // 2, -1), sine)
        seen, begin, last = [], 0, at == len(self._layers) - 1
        for row, new in zip(held, counts, strict=True):
            part, total = slice(begin, begin + new), row.length + new
            keys, kept = row.part(at)
            keys[:, row.length : total] = heads[part, self._heads :].transpose(0, 1)
            kept[:, row.length : total] = values[part].transpose(0, 1)
            # Of the last layer nothing is wanted but what it makes of each row's last token.
            query = heads[part][-1 if last else 0 :, : self._heads].transpose(0, 1)
            seen.append(attend_after(query, keys[:, :total], kept[:, :total], self._scale))
            begin += new
        if last:
            states = states[torch.tensor(counts).cumsum(0) - 1]
        states = states.add_(layer.out(seen[0] if len(seen) == 1 else torch.cat(seen)))
        gate, up = layer.gate_up(self._norm(states, layer.before_mlp)).chunk(2, -1)
        return states.add_(layer.down(self._model.model.layers[at].mlp.act_fn(gate).mul_(up)))

    def _widen(self, weights: Packed, out: torch.Tensor) -> None:
        if self._compiled is not None and self._compiled.compiled and self._proved:
            self._compiled.widen(weights, out)
        else:
            weights.widen(out)

    def _space(self, kind: int, count: int, size: int) -> torch.Tensor:
        """Memory (count, size) for the products of one kind, the same for all layers; the largest is kept."""
        import torch

        if kind not in self._spaces or len(self._spaces[kind]) < count:
            self._spaces[kind] = torch.empty(count, size)
        return self._spaces[kind][:count]

    def _norm(self, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Root mean square norm over the last dimension."""
        import torch

        return states * torch.rsqrt(states.square().mean(-1, keepdim=True) + self._eps) * weight

    def _rotation(self, states: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and sines (tokens, width) for `x * cos + roll(x) * sin`, which turns both halves of a head."""
        import torch

        cosine, sine = self._model.model.rotary_emb(states[None], places[None])
        first, second = sine.chunk(2, -1)
        return cosine[0], torch.cat((-first, second), -1)[0]

    def _usable(self) -> bool:
        """Whether the compiled step is ready; the first time that it is, it is compared with torch."""
        if self._compiled is None or not self._compiled.ready:
            return False
        if not self._proved:
            compiled, held, found = self._compiled, self._held[0], []
            tokens, self._proved = self._sample(8), True
            try:
                for self._compiled in (None, compiled):
                    self._held[0] = None
                    found.append(self._scores(tokens, {0: len(tokens)}))
            finally:
                self._compiled, self._held[0] = compiled, held
            apart = _apart(found[1], found[0])
            if not apart <= _CLOSE:
                log.error("the compiled step is apart from torch's by %.4f, and is not used", apart)
                compiled.close()
                self._compiled = None
        return self._compiled is not None

    def _sample(self, count: int) -> list[int]:
        """Some tokens, at most as many as there is room for."""
        return [number * 37 % self._model.config.vocab_size for number in range(min(count, self.context_length))]

    def _check(self) -> None:
        import torch

        tokens = self._sample(16)
        with torch.inference_mode():
            truth = self._model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -1].float()
        try:
            self.extend(0, tokens[: len(tokens) // 2])
            self.extend(0, tokens[len(tokens) // 2 : -1])
            apart = _apart(self.step({0: tokens[-1]})[0], truth)
        except MemoryError:
            raise
        except (RuntimeError, AttributeError, TypeError, ValueError) as error:
            raise UnsupportedModelError(f"{type(self._model).__name__}: {error}") from error
        self.truncate(0, 0)
        if not apart <= _CLOSE:
            raise UnsupportedModelError(f"{type(self._model).__name__}: scores are {apart:.4f} apart from its own")
        log.info("%s is written out: apart from the model's own scores by %.1e", type(self._model).__name__, apart)


def _apart(scores: torch.Tensor, truth: torch.Tensor) -> float:
    """How far scores are from the truth, relative to its size."""
    return float((scores - truth).norm() / truth.norm())
