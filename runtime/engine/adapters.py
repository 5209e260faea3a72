"""Slot records on a running base: every kind and every rank in one batch, W multiplied once for all.

    y = W x' + g_out * (W x') + B (A x') + K(x') + S x'        with x' = g_in * x

The rank rows of all adapters in a step stand under each other in one A and beside each other in one B; a row of the
batch keeps only what its own adapter's rank rows gave (no padding to the largest rank, no loop over tokens). What rank
rows cannot say, K and S, is added adapter by adapter to its own rows. Rows of an adapter cannot reach another's:
foreign results are overwritten with zero, not multiplied by it.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from runtime.artifact.prompt import SoftPrompt
from runtime.artifact.slots import SlotRecord
from runtime.engine.errors import AdapterRefused, MixtureRefused
from runtime.engine.imprint import Imprint
from runtime.engine.mixture import Member, add_up, check_weights
from runtime.engine.pieces import Extra, Piece, fingerprint, fit_record
from runtime.engine.transfer import send
from runtime.engine.weights import Linear, Part, Weights

# Up to here each row reads its own rank rows by itself; beyond, they are read once for all rows, foreign ones too.
FEW_ROWS = 256
TILE = 16  # rank rows that a kernel takes together, and that lie under each other
AddRanks = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], None]
MOST_MIXTURES = 16  # that are kept for the next request with the same weights; each is as large as its members together


@dataclass(frozen=True)
class Attached:
    """A record on the device. Requests hold it themselves: detaching the name does not disturb them."""

    name: str
    kind: str
    digest: str  # what the caller calls its content
    content: str  # what its content is, by our own count; the prefix cache is keyed by it
    pieces: Mapping[str, Piece]  # by the name of the fused matrix
    prompt: Imprint | None = None

    @property
    def bytes(self) -> int:
        """What it takes of the device's memory."""
        prompt = self.prompt.keys.nbytes + self.prompt.values.nbytes if self.prompt is not None else 0
        return prompt + sum(piece.bytes for piece in self.pieces.values())

    @property
    def virtual(self) -> int:
        """Tokens that its soft prompt stands for."""
        return self.prompt.length if self.prompt is not None else 0


Imprinting = Callable[[SoftPrompt, Attached], Imprint]


@dataclass(frozen=True)
class Union:
    """The updates of several adapters on one matrix, laid side by side."""

    a: Tensor | None
    b: Tensor | None  # [rank, out]
    layout: tuple[tuple[int, int], ...]  # (adapter, its rank rows)
    g_out: Tensor | None  # [adapters, out]
    g_in: Tensor | None  # [adapters, in]; only where the matrix is taken whole
    extras: tuple[tuple[int, Extra], ...]
    parts: tuple["Union", ...] = ()  # one per part, where a part has a g_in of its own


class Apply(Protocol):
    """How the rows of a step meet their adapters."""

    adapters: Sequence[Attached | None]  # of each request

    def apply(self, linear: Linear, x: Tensor) -> Tensor:
        """W x, with each row's adapter."""
        ...


class Mix:
    """Whose row is whose in one step, and the union of all whose it is. Put together when a matrix first asks."""

    def __init__(
        self,
        adapters: Sequence[Attached | None],
        counts: Sequence[int],
        unite: Callable[[Mapping[int, Attached]], Mapping[str, Union]],
        like: Tensor,
        add_ranks: AddRanks | None = None,
    ) -> None:
        """The adapter of each request, and its rows. `add_ranks`: a kernel for rank rows, where the device has one."""
        self.adapters, self.add_ranks = adapters, add_ranks
        self._counts, self._unite, self._like = counts, unite, like
        self._distinct = {id(each): each for each in adapters if each is not None}
        number = {each: place for place, each in enumerate(sorted(self._distinct))}
        self._owners = [-1 if each is None else number[id(each)] for each in adapters]
        self.whole = len(self._distinct) == 1 and min(self._owners) == 0
        self._foreign: dict[tuple[tuple[int, int], ...], Tensor] = {}
        self._rows: dict[int, Tensor] = {}
        self._places: dict[tuple[tuple[int, int], ...], tuple[Tensor, Tensor]] = {}

    def apply(self, linear: Linear, x: Tensor) -> Tensor:
        union = self._unions.get(linear.name)
        if union is None:
            return linear(x)
        if not union.parts:
            return _apply(linear, None, x, union, self)
        parts = zip(linear.parts, union.parts, strict=True)
        return torch.cat([_apply(linear, part, x, of_part, self) for part, of_part in parts], dim=-1)

    @cached_property
    def _unions(self) -> Mapping[str, Union]:
        return self._unite(self._distinct)

    @cached_property
    def _whose(self) -> Tensor:
        """On the host."""
        return torch.tensor(self._owners, dtype=torch.int32).repeat_interleave(torch.tensor(self._counts))

    @cached_property
    def owner(self) -> Tensor:
        """The adapter's number of each row, -1 for none."""
        return send(self._whose, self._like.device)

    @cached_property
    def _own(self) -> Tensor:
        return self.owner[:, None] == torch.arange(len(self._distinct), device=self._like.device)

    @cached_property
    def weights(self) -> Tensor:
        """[rows, adapters]: one where a row belongs to an adapter."""
        return self._own.to(self._like.dtype)

    def places(self, layout: tuple[tuple[int, int], ...]) -> tuple[Tensor, Tensor]:
        """Where each adapter's tiles of rank rows begin, and how many rank rows it has."""
        if layout not in self._places:
            counts, starts, at = [0] * len(self._distinct), [0] * len(self._distinct), 0
            for adapter, count in layout:
                starts[adapter], counts[adapter] = at, count
                at += count
            tiles = range(0, max(counts), TILE)
            places = torch.tensor([[start + tile for tile in tiles] for start in starts], dtype=torch.int32)
            device = self._like.device
            self._places[layout] = send(places, device), send(counts, device, torch.int32)
        return self._places[layout]

    def foreign(self, layout: tuple[tuple[int, int], ...]) -> Tensor:
        """[rows, rank rows]: where a rank row is not the row's own."""
        if layout not in self._foreign:
            numbers = torch.tensor([adapter for adapter, count in layout for _ in range(count)])
            self._foreign[layout] = ~self._own.index_select(1, send(numbers, self._own.device))
        return self._foreign[layout]

    def rows(self, adapter: int) -> Tensor:
        if adapter not in self._rows:
            self._rows[adapter] = send((self._whose == adapter).nonzero().flatten(), self._like.device)
        return self._rows[adapter]


def apply(linear: Linear, x: Tensor, mix: Apply | None) -> Tensor:
    """W x, with each row's adapter."""
    return linear(x) if mix is None else mix.apply(linear, x)


def _apply(linear: Linear, part: Part | None, x: Tensor, union: Union, mix: Mix) -> Tensor:
    raw = x
    if union.g_in is not None:
        x = torch.addcmul(x, mix.weights @ union.g_in, x)
    y = linear.matrix(x)
    if part is not None:
        y = y[:, part.start : part.stop]
    if union.g_out is not None:
        y.addcmul_(mix.weights @ union.g_out, y)
    if linear.bias is not None:
        y += linear.bias if part is None else linear.bias[part.start : part.stop]
    if union.a is not None and union.b is not None and mix.add_ranks and not mix.whole and len(x) <= FEW_ROWS:
        mix.add_ranks(y, x, union.a, union.b, mix.owner, *mix.places(union.layout))
    elif union.a is not None and union.b is not None:
        inner = functional.linear(x, union.a)
        if not mix.whole:
            inner.masked_fill_(mix.foreign(union.layout), 0.0)
        y.addmm_(inner, union.b)
    for adapter, extra in union.extras:
        target = y[:, extra.part.start : extra.part.stop]
        if mix.whole:
            target += extra(raw)
        else:
            rows = mix.rows(adapter)
            target.index_add_(0, rows, extra(raw.index_select(0, rows)))
    return y


class Adapters:
    """The adapters attached to one base, by name, and the unions of those that lately ran together."""

    def __init__(self, weights: Weights) -> None:
        from runtime.engine.kernels import fast_kernels  # which know batches, and those know mixes

        fast = fast_kernels(weights.norm.device)
        self._add_ranks = fast.add_ranks if fast is not None else None
        self._linears = {linear.name: linear for layer in weights.layers for linear in layer.linears()}
        self._modules = {module: (linear, part) for module, linear, part in weights.modules()}
        self._like = weights.norm
        self._attached: dict[str, Attached] = {}
        self._mixtures: dict[tuple[tuple[str, float], ...], Attached] = {}
        self._unions: dict[tuple[int, ...], tuple[tuple[Attached, ...], dict[str, Union]]] = {}

    def attach(self, name: str, record: SlotRecord, digest: str, imprint: Imprinting | None = None) -> None:
        """Checks a record against the base and takes it in. The same name again replaces what stood there.

        `imprint` computes what a soft prompt comes to on this base.
        """
        if not digest:
            raise AdapterRefused(f"adapter {name!r} comes without a digest of its content.")
        pieces = fit_record(name, record, self._modules, self._like)
        attached = Attached(name, record.kind, digest, fingerprint(record), pieces)
        if record.prompt is not None:
            if imprint is None:
                raise AdapterRefused(f"adapter {name!r} has a soft prompt, for which there is no model here.")
            attached = replace(attached, prompt=imprint(record.prompt, attached))
        self._attached[name] = attached
        self._forget()

    def detach(self, name: str) -> None:
        """No new request finds it; requests that run with it end as they began."""
        self.find(name)
        del self._attached[name]
        self._forget()

    def find(self, wanted: str | Mapping[str, float] | Attached) -> Attached:
        """The adapter of a name; or the sum of several by their weights. One that is held already is what it is."""
        if isinstance(wanted, Attached):
            return wanted
        if not isinstance(wanted, str):
            return self.add_up([(self.find(name), weight) for name, weight in check_weights(wanted).items()])
        if wanted not in self._attached:
            known = ", ".join(sorted(self._attached)) or "none"
            raise AdapterRefused(f"no adapter {wanted!r} is attached.", hint=f"Attached: {known}.")
        return self._attached[wanted]

    def attached(self) -> dict[str, Attached]:
        return dict(self._attached)

    def mix(self, adapters: Sequence[Attached | None], counts: Sequence[int]) -> Mix | None:
        """How a step of these requests, with these many rows each, is put together."""
        if all(adapter is None for adapter in adapters):
            return None
        return Mix(adapters, counts, self._unite, self._like, self._add_ranks)

    def add_up(self, members: Sequence[tuple[Attached, float]]) -> Attached:
        """The sum of several adapters by their weights; made once for the same contents, in whatever order."""
        members = sorted(members, key=_content)
        if len(members) == 1 and members[0][1] == 1.0:
            return members[0][0]
        prompted = next((each.name for each, _ in members if each.prompt is not None), None)
        if prompted is not None:
            raise MixtureRefused(f"{prompted!r} is a soft prompt, which has no weight and cannot be added to others.")
        key = tuple((each.content, weight) for each, weight in members)
        if key not in self._mixtures:
            while len(self._mixtures) >= MOST_MIXTURES:
                del self._mixtures[next(iter(self._mixtures))]
            self._mixtures[key] = self._add_up(members, key)
        return self._mixtures[key]

    def _add_up(self, members: Sequence[tuple[Attached, float]], key: object) -> Attached:
        pieces = {}
        for name, linear in self._linears.items():
            found = [Member(each.name, each.pieces[name], weight) for each, weight in members if name in each.pieces]
            if found:
                pieces[name] = add_up(linear, found)
        told = " + ".join(f"{weight:g} {each.name}" for each, weight in members)
        content = hashlib.blake2b(repr(key).encode(), digest_size=16).hexdigest()
        return Attached(told, "mixture", content, content, pieces)

    def _forget(self) -> None:
        """What was put together from adapters of before; requests that run with it hold it themselves."""
        self._unions.clear()
        self._mixtures.clear()

    def _unite(self, distinct: Mapping[int, Attached]) -> Mapping[str, Union]:
        """The union of some adapters by their ids, made once while the same run together."""
        key = tuple(sorted(distinct))
        if key not in self._unions:
            self._unions[key] = self._union(tuple(distinct[number] for number in key))
            while len(self._unions) > 4:  # each may copy the adapters it holds
                del self._unions[next(iter(self._unions))]
        return self._unions[key][1]

    def _union(self, adapters: tuple[Attached, ...]) -> tuple[tuple[Attached, ...], dict[str, Union]]:
        unions = {}
        for name, linear in self._linears.items():
            pieces = [adapter.pieces.get(name) for adapter in adapters]
            if any(piece is not None for piece in pieces):
                unions[name] = _unite(linear, pieces)
        return adapters, unions  # holding the adapters keeps their ids from being given to others


def _content(member: tuple[Attached, float]) -> tuple[str, float]:
    return member[0].content, member[1]


def _unite(linear: Linear, pieces: Sequence[Piece | None]) -> Union:
    if len(linear.parts) > 1 and any(piece is not None and piece.g_in for piece in pieces):
        apart = []
        for index, part in enumerate(linear.parts):
            of_part = [piece.of_part(index, part) if piece else None for piece in pieces]
            apart.append(_side_by_side(of_part))
        return Union(None, None, (), None, None, (), tuple(apart))
    return _side_by_side(pieces)


def _side_by_side(pieces: Sequence[Piece | None]) -> Union:
    a, b, layout, extras = [], [], [], []
    for number, piece in enumerate(pieces):
        if piece is None:
            continue
        if piece.a is not None and piece.b is not None:
            a.append(piece.a)
            b.append(piece.b.t())
            layout.append((number, len(piece.a)))
        extras += [(number, extra) for extra in piece.extras]
    return Union(
        a=(torch.cat(a) if len(a) > 1 else a[0]) if a else None,
        b=(torch.cat(b) if len(b) > 1 else b[0]) if b else None,
        layout=tuple(layout),
        g_out=_rows([piece.g_out if piece else None for piece in pieces]),
        g_in=_rows([piece.g_in.get(0) if piece else None for piece in pieces]),
        extras=tuple(extras),
    )


def _rows(vectors: Sequence[Tensor | None]) -> Tensor | None:
    """One row per adapter, zeros for those without."""
    given = [vector for vector in vectors if vector is not None]
    if not given:
        return None
    return torch.stack([torch.zeros_like(given[0]) if each is None else each for each in vectors])
