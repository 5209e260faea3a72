"""Which experts are loaded, under which names, and whose weights lie on the device.

An expert that was let in stays known: its profile routes, its decoding and its grammar are at hand. Its weights need
not stay: under a budget those that were asked for longest ago make room, and come back, checked as at the first time,
when somebody asks again. A request holds the weights it runs with; nothing that happens here reaches it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import RLock

from runtime.engine.adapters import Attached
from runtime.engine.errors import MixtureRefused
from runtime.engine.mixture import check_weights
from runtime.registry.installed import Installed
from runtime.registry.store import Store
from runtime.router.router import Router
from runtime.service.driver import Driver
from runtime.service.errors import LoadRefused, NoSuchModel
from runtime.service.loading import Ready, bring_back, check_trust, load


class Roster:
    """May be used from several threads. One expert is loaded at a time, and nobody waits for that but who asked."""

    def __init__(
        self, driver: Driver, store: Store, router: Router, base: str, *, unsigned: bool, budget: int | None
    ) -> None:
        """`budget`: bytes of weights that stay on the device; None: all. The last one asked for always stays."""
        self.refused: dict[str, LoadRefused] = {}
        self._driver, self._store, self._router, self._base = driver, store, router, base
        self._unsigned, self._budget = unsigned, budget
        self._ready: dict[str, Ready] = {}
        self._resident: OrderedDict[str, int] = OrderedDict()  # adapter -> bytes, the longest unused first
        self._lock = RLock()  # over what is known; never held while weights are read or checked
        self._loading = RLock()

    @property
    def ready(self) -> dict[str, Ready]:
        with self._lock:
            return dict(self._ready)

    @property
    def resident(self) -> list[str]:
        """The experts whose weights lie on the device, the longest unused first."""
        with self._lock:
            names = {ready.adapter: name for name, ready in self._ready.items()}
            return [names[adapter] for adapter in self._resident if adapter in names]

    def attach(self, experts: Iterable[str | Path] | None) -> list[str]:
        """Load experts; the names of those that are ready now. None: all that are installed for this base."""
        if experts is None:
            return [installed.name for installed in self._store.current().values() if self._attach_or_note(installed)]
        return [self._attach(self._installed(expert)).name for expert in experts]

    def refresh(self) -> tuple[list[str], list[str]]:
        """What is installed since is loaded, what is uninstalled since is released; the names of both."""
        before = self.ready
        installed = self._store.current()
        for name in before.keys() - installed.keys():
            self.release(name)
        for each in installed.values():
            self._attach_or_note(each)
        after = self.ready
        new = [name for name, ready in after.items() if name not in before or before[name].adapter != ready.adapter]
        return sorted(new), sorted(before.keys() - after.keys())

    def release(self, expert: str) -> None:
        """Forget an expert. Requests that it is answering are finished."""
        with self._loading:
            with self._lock:
                ready = self._ready.pop(self.find(expert))
                self._router.remove(ready.name)
            self._let_go(ready.adapter)

    def adapter(self, names: Mapping[str, float]) -> Attached:
        """The weights of an expert, or of several together, to be held by the request that asked."""
        held = [self._use(name) for name in names]
        if len(held) == 1 and [*names.values()] == [1.0]:
            return held[0]
        members = list(zip(held, names.values(), strict=True))
        return self._driver.call(lambda engine: engine.add_up(members))

    def find(self, model: str) -> str:
        """The full name of a loaded expert; NoSuchModel says why there is none."""
        with self._lock:
            if model in self._ready:
                return model
            short = [name for name in self._ready if name.partition("/")[2] == model]
        if len(short) == 1:
            return short[0]
        if short:
            raise NoSuchModel(f"Several experts are called {model}.", hint=f"Say which: {', '.join(short)}.")
        refusal = next((r for name, r in self.refused.items() if model in (name, name.partition("/")[2])), None)
        if refusal:
            raise NoSuchModel(str(refusal))
        known = ", ".join(["auto", self._base, *self.ready])
        raise NoSuchModel(f"There is no model {model!r}.", hint=f"There are: {known}.")

    def together(self, wanted: Mapping[str, float]) -> dict[str, float]:
        """The experts that several names mean, with their weights."""
        weights = check_weights(wanted) if wanted else {}
        experts = {self.find(name): weight for name, weight in weights.items()}
        if len(experts) < len(weights):
            raise MixtureRefused("one expert is named twice.", hint=f"They are: {', '.join(experts)}.")
        return experts

    def _attach(self, installed: Installed) -> Ready:
        with self._loading:
            before = self.ready.get(installed.name)
            if before and before.installed.id == installed.id:
                self._check_trust_again(installed)
                return before
            ready = load(installed, self._driver, self._base, unsigned=self._unsigned)
            with self._lock:
                if before:
                    self._router.remove(before.name)
                self._router.add(ready.profile)
                self._ready[installed.name] = ready
                self.refused.pop(installed.name, None)
            if before:
                self._let_go(before.adapter)
            self._make_room(ready)
            return ready

    def _attach_or_note(self, installed: Installed) -> bool:
        try:
            self._attach(installed)
        except LoadRefused as refusal:
            self.refused[installed.name] = refusal
            return False
        return True

    def _check_trust_again(self, installed: Installed) -> None:
        """What was loaded before its key was revoked does not stay."""
        try:
            check_trust(installed, unsigned=self._unsigned)
        except LoadRefused:
            self.release(installed.name)
            raise

    def _installed(self, expert: str | Path) -> Installed:
        if isinstance(expert, Path) or expert.endswith(".expert"):
            return self._store.install(Path(expert), allow_unsigned=self._unsigned)
        return self._store.find(expert)

    def _use(self, name: str) -> Attached:
        """The weights of a loaded expert; from the store again if they had to make room."""
        with self._lock:
            ready = self._ready.get(name)
            if ready is None:
                raise NoSuchModel(f"The expert {name} was released just now.")
            if ready.adapter in self._resident:
                self._resident.move_to_end(ready.adapter)
                return self._driver.engine.adapter(ready.adapter)
        with self._loading:
            with self._lock:
                gone = self._ready.get(name) is not ready
                back = ready.adapter in self._resident
            if gone or back:
                return self._use(name)
            bring_back(ready, self._driver)
            held = self._driver.engine.adapter(ready.adapter)
            self._make_room(ready)
            return held

    def _make_room(self, latest: Ready) -> None:
        """Those that were used longest ago leave the device, until the rest is within the budget."""
        with self._lock:
            self._resident[latest.adapter] = latest.bytes
            self._resident.move_to_end(latest.adapter)
            leaving = []
            while self._budget is not None and len(self._resident) > 1 and sum(self._resident.values()) > self._budget:
                leaving.append(self._resident.popitem(last=False)[0])
        for adapter in leaving:
            self._driver.call(lambda engine, name=adapter: engine.detach(name))  # type: ignore[misc]

    def _let_go(self, adapter: str) -> None:
        with self._lock:
            resident = self._resident.pop(adapter, None) is not None
        if resident:
            self._driver.call(lambda engine: engine.detach(adapter))
