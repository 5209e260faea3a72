"""The adapters that decode, laid out so that a step which was captured once stays right while they come and go.

A slot is one adapter's place. Slot 0 is nobody's: no rank rows, factors of zero. For every fused matrix the pool has tiles of
rank rows, rows of factors, seats for Kronecker factors, and small tables that say by slot which of them are in use. A step
reads slot numbers, and through them all the rest, on the device; what it reads stays at its address until `version` changes.

Adapters are copied in when they first decode. Those no longer there, or longest unused, make room; only where the adapters
of one step do not fit together does the pool grow. Copies and steps follow each other in one stream, so a step that was
launched before still reads what stood there.

Rank rows see x rather than x' = g_in * x: g_in is multiplied into A on the way in. What a pool cannot hold (sparse parts;
Kronecker products behind a g_in, or with a large result in between) runs as `adapters` does it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from weakref import ReferenceType, ref

import torch
from torch import Tensor

from runtime.engine.adapters import TILE, Attached
from runtime.engine.kernels import Fast, plain
from runtime.engine.pieces import Piece
from runtime.engine.transfer import send
from runtime.engine.weights import Linear, Weights

FIRST = 4  # adapters like the first that a new pool has room for
MOST_BETWEEN = 1 << 16  # numbers between the two products of a Kronecker product
FIELDS = 7  # of a Kronecker product in the table: see `kernels.kronecker`


@dataclass(frozen=True)
class Laid:
    """One adapter's update of one fused matrix, as a pool holds it."""

    ranks: tuple[Tensor, Tensor] | None  # A [rank, in], B [rank, out]
    g_out: Tensor | None
    g_in: Tensor | None  # [parts, in], one subtracted
    products: tuple[tuple[int, Tensor, Tensor], ...]  # first column of y, W1, W2

    @property
    def rank(self) -> int:
        return len(self.ranks[0]) if self.ranks is not None else 0

    @property
    def numbers(self) -> int:
        """Of all its Kronecker factors."""
        return sum(left.numel() + right.numel() for _, left, right in self.products)

    @property
    def between(self) -> int:
        return max((left.shape[1] * right.shape[0] for _, left, right in self.products), default=0)


NOTHING = Laid(None, None, None, ())


def holds(piece: Piece) -> bool:
    """Whether a pool can hold this piece."""
    for extra in piece.extras:
        if extra.kronecker is not None:
            left, right = extra.kronecker
            if extra.gain is not None or left.shape[1] * right.shape[0] > MOST_BETWEEN:
                return False
        elif extra.sparse is not None:
            return False
    return True


def lay(linear: Linear, piece: Piece) -> Laid:
    """A piece that a pool can hold, as it holds it."""
    pairs = []
    if piece.a is not None and piece.b is not None:
        a = piece.a
        if piece.g_in:
            a = a.clone()
            for index, gain in piece.g_in.items():
                low, high = piece.ranks[index]
                a[low:high] += a[low:high] * gain
        pairs.append((a, piece.b.t()))
    for extra in piece.extras:
        if extra.thin is not None:
            a, thin = extra.thin
            b = thin.new_zeros(len(thin), linear.matrix.outputs)
            b[:, extra.part.start : extra.part.stop] = thin
            pairs.append((a if extra.gain is None else a * extra.gain, b))
    ranks = (torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])) if pairs else None
    g_in = None
    if piece.g_in:
        like = next(iter(piece.g_in.values()))
        g_in = torch.stack([piece.g_in.get(index, torch.zeros_like(like)) for index in range(len(linear.parts))])
    products = [(each.part.start, *each.kronecker) for each in piece.extras if each.kronecker is not None]
    return Laid(ranks, piece.g_out, g_in, tuple(products))


class Bank:
    """What the slots hold of one fused matrix."""

    def __init__(self, linear: Linear, like: Tensor, slots: int) -> None:
        self.linear, self._like = linear, like
        whole = like.new_empty
        self.a, self.b = whole(0, linear.matrix.inputs), whole(0, linear.matrix.outputs)
        self.places, self.counts = self._numbers(slots, 0), self._numbers(slots)
        self.factors = whole(0, 0)  # [seats, numbers]
        self.table, self.products = self._numbers(slots, 0, FIELDS, dtype=torch.int64), self._numbers(slots)
        self.g_out: Tensor | None = None  # [slots, out]
        self.g_in: Tensor | None = None  # [slots, parts, in]
        self.between = 0
        self._tiles: dict[int, list[int]] = {}  # by slot
        self._seats: dict[int, int] = {}
        self.free_tiles: list[int] = []
        self.free_seats: list[int] = []

    def fits(self, laid: Laid) -> bool:
        """Whether there is room for it, once it has a slot."""
        tiles = -(-laid.rank // TILE)
        return (
            tiles <= min(len(self.free_tiles), self.places.shape[1])
            and (laid.g_out is None or self.g_out is not None)
            and (laid.g_in is None or self.g_in is not None)
            and (not laid.products or self._fits_products(laid))
        )

    def _fits_products(self, laid: Laid) -> bool:
        return (
            len(self.free_seats) > 0
            and laid.numbers <= self.factors.shape[1]
            and len(laid.products) <= self.table.shape[1]
            and laid.between <= self.between
        )

    def grow(self, laid: Laid) -> None:
        """Room for it, at new addresses; what is held moves along."""
        tiles, slots = -(-laid.rank // TILE), len(self.counts)
        if tiles > self.places.shape[1]:
            self.places = _larger(self.places, 1, _round(tiles))
        if tiles > len(self.free_tiles):
            old = len(self.a) // TILE
            new = max(2 * old, old + tiles, _round(FIRST * tiles))
            self.a, self.b = _larger(self.a, 0, new * TILE), _larger(self.b, 0, new * TILE)
            self.free_tiles += range(old, new)
        if laid.g_out is not None and self.g_out is None:
            self.g_out = self._like.new_zeros(slots, self.linear.matrix.outputs)
        if laid.g_in is not None and self.g_in is None:
            self.g_in = self._like.new_zeros(slots, len(self.linear.parts), self.linear.matrix.inputs)
        if laid.products:
            self._grow_products(laid)

    def _grow_products(self, laid: Laid) -> None:
        self.between = max(self.between, _round(laid.between))
        if len(laid.products) > self.table.shape[1]:
            self.table = _larger(self.table, 1, _round(len(laid.products)))
        seats, room = self.factors.shape
        if (
            laid.numbers > room
        ):  # the factors of those who sit keep their places in their rows, and the table says where
            self.factors = _larger(self.factors, 1, _round(laid.numbers))
            self.table[..., :2] += (self.table[..., :2] // max(room, 1)) * (self.factors.shape[1] - room)
        if not self.free_seats:
            new = max(2 * seats, FIRST)
            self.factors = _larger(self.factors, 0, new)
            self.free_seats += range(seats, new)

    def widen(self, slots: int) -> None:
        """Room for so many slots, at new addresses."""
        self.places, self.counts = _larger(self.places, 0, slots), _larger(self.counts, 0, slots)
        self.table, self.products = _larger(self.table, 0, slots), _larger(self.products, 0, slots)
        self.g_out = None if self.g_out is None else _larger(self.g_out, 0, slots)
        self.g_in = None if self.g_in is None else _larger(self.g_in, 0, slots)

    def write(self, slot: int, laid: Laid) -> None:
        """Into a free slot; nothing of whoever had it before is left."""
        device = self._like.device
        self.counts[slot] = laid.rank
        self.products[slot] = len(laid.products)
        if laid.ranks is not None:
            tiles = [self.free_tiles.pop() for _ in range(0, laid.rank, TILE)]
            self._tiles[slot] = tiles
            rows = send([tile * TILE + row for tile in tiles for row in range(TILE)][: laid.rank], device)
            self.a.index_copy_(0, rows, laid.ranks[0])
            self.b.index_copy_(0, rows, laid.ranks[1])
            self.places[slot, : len(tiles)] = send([tile * TILE for tile in tiles], device, torch.int32)
        for held, given in ((self.g_out, laid.g_out), (self.g_in, laid.g_in)):
            if held is not None and given is not None:
                held[slot] = given
            elif held is not None:
                held[slot].zero_()
        if laid.products:
            self._write_products(slot, laid)

    def _write_products(self, slot: int, laid: Laid) -> None:
        seat = self.free_seats.pop()
        self._seats[slot] = seat
        at, flat, entries = seat * self.factors.shape[1], [], []
        for first, left, right in laid.products:
            entries.append([at, at + left.numel(), *left.shape, *right.shape, first])
            flat += [left.flatten(), right.flatten()]
            at += left.numel() + right.numel()
        self.factors[seat, : laid.numbers] = torch.cat(flat)
        self.table[slot, : len(entries)] = send(entries, self._like.device, torch.int64)

    def release(self, slot: int) -> None:
        self.free_tiles += self._tiles.pop(slot, [])
        if slot in self._seats:
            self.free_seats.append(self._seats.pop(slot))

    def apply(self, x: Tensor, owner: Tensor, add_ranks: Callable[..., None], add: Callable[..., None]) -> Tensor:
        """W x, with what the row's own slot adds. `add`: a kernel for Kronecker products."""
        linear, matrix = self.linear, self.linear.matrix
        if self.g_in is None:
            y = matrix(x) if self.g_out is not None else linear(x)
        else:
            gains = self.g_in.index_select(0, owner)
            scaled = (torch.addcmul(x, gains[:, index], x) for index in range(len(linear.parts)))
            parts = [matrix(own)[:, part.start : part.stop] for part, own in zip(linear.parts, scaled, strict=True)]
            y = torch.cat(parts, dim=-1)
        if self.g_out is not None:
            y.addcmul_(self.g_out.index_select(0, owner), y)
        if linear.bias is not None and not (self.g_in is None and self.g_out is None):
            y += linear.bias
        if self.places.shape[1]:
            add_ranks(y, x, self.a, self.b, owner, self.places, self.counts)
        if self.between:
            add(y, x, self.factors.view(-1), owner, self.table, self.products, self.between)
        return y

    def _numbers(self, *size: int, dtype: torch.dtype = torch.int32) -> Tensor:
        return torch.zeros(size, dtype=dtype, device=self._like.device)


@dataclass
class Seat:
    """An adapter in the pool; slot None: the pool cannot hold it."""

    adapter: "ReferenceType[Attached]"
    slot: int | None


class Pool:
    """The slots of one base."""

    def __init__(self, weights: Weights, fast: Fast | None) -> None:
        like = weights.norm
        self.version = 0  # changes when addresses do
        self.banks = {
            linear.name: Bank(linear, like, FIRST + 1) for layer in weights.layers for linear in layer.linears()
        }
        self.add_ranks = fast.add_ranks if fast is not None else plain.add_ranks
        self.add_kronecker = fast.add_kronecker if fast is not None else plain.add_kronecker
        self._free = list(range(FIRST, 0, -1))
        self._slots = FIRST + 1
        self._seats: dict[int, Seat] = {}  # by the adapter's id, the longest unused first

    def take(self, adapters: Sequence[Attached | None]) -> list[int] | None:
        """The slot of each, 0 for none. None: one of them is not for a pool."""
        self._bury()
        wanted = {id(each): each for each in adapters if each is not None and each.pieces}
        for key, adapter in wanted.items():
            seat = self._seats.pop(key, None) or Seat(ref(adapter), self._place(adapter, wanted))
            self._seats[key] = seat
        slots = [self._seats[id(each)].slot if id(each) in wanted else 0 for each in adapters]
        return [slot for slot in slots if slot is not None] if None not in slots else None

    def _bury(self) -> None:
        """Adapters that nobody holds any more give their slots back."""
        for key in [key for key, seat in self._seats.items() if seat.adapter() is None]:
            self._release(key)

    def _release(self, key: int) -> None:
        slot = self._seats.pop(key).slot
        if slot is not None:
            self._empty(slot)

    def _empty(self, slot: int) -> None:
        self._free.append(slot)
        for bank in self.banks.values():
            bank.release(slot)

    def _place(self, adapter: Attached, wanted: Mapping[int, Attached]) -> int | None:
        if not all(holds(piece) for piece in adapter.pieces.values()):
            return None
        laid = {name: lay(self.banks[name].linear, piece) for name, piece in adapter.pieces.items()}
        idle = iter([key for key, seat in self._seats.items() if key not in wanted and seat.slot is not None])
        while not self._free or any(True for _ in self._cramped(laid)):
            if (key := next(idle, None)) is None:
                self._grow(laid)
            else:
                self._release(key)
        slot = self._free.pop()
        try:
            for name, bank in self.banks.items():
                bank.write(slot, laid.get(name, NOTHING))
        except BaseException:  # no memory for it: nobody has the slot
            self._empty(slot)
            raise
        return slot

    def _cramped(self, laid: Mapping[str, Laid]) -> Iterator[tuple[Bank, Laid]]:
        return ((self.banks[name], each) for name, each in laid.items() if not self.banks[name].fits(each))

    def _grow(self, laid: Mapping[str, Laid]) -> None:
        self.version += 1
        if not self._free:
            slots = 2 * self._slots - 1
            for bank in self.banks.values():
                bank.widen(slots)
            self._free += range(slots - 1, self._slots - 1, -1)
            self._slots = slots
        for bank, each in list(self._cramped(laid)):
            bank.grow(each)


class Pooled:
    """Whose row is whose, by slots that stand on the device."""

    def __init__(self, pool: Pool, owner: Tensor) -> None:
        self.adapters: Sequence[Attached | None] = ()
        self._pool, self._owner = pool, owner

    def apply(self, linear: Linear, x: Tensor) -> Tensor:
        """W x, with what each row's slot adds."""
        pool = self._pool
        return pool.banks[linear.name].apply(x, self._owner, pool.add_ranks, pool.add_kronecker)


def _round(number: int) -> int:
    """The next power of two."""
    return 1 << max(number - 1, 0).bit_length()


def _larger(tensor: Tensor, dim: int, size: int) -> Tensor:
    """A copy with more room, zeros behind what it held."""
    if size <= tensor.shape[dim]:
        return tensor
    larger = tensor.new_zeros(*tensor.shape[:dim], size, *tensor.shape[dim + 1 :])
    larger.narrow(dim, 0, tensor.shape[dim]).copy_(tensor)
    return larger
