"""A remote cache within reach of one build: the cache, the lane on which it is talked to, whether it answers.

Once it did not, it counts as away until the end of the build.
"""

from collections.abc import Mapping
from functools import partial

from expertbuild.graph.action import Step
from expertbuild.graph.lane import Lane
from expertbuild.graph.record import Record
from expertbuild.graph.remote import Away, Beat, Lie, Remote


class Reach:
    def __init__(self, remote: Remote | str) -> None:
        self.remote = Remote(remote) if isinstance(remote, str) else remote
        self.lane = Lane(self.remote.timeout)

    @property
    def alive(self) -> bool:
        return self.lane.away is None

    def offers(self, keys: Mapping[Step, str], *, thorough: bool) -> dict[Step, Record | str]:
        """What the cache has for `keys`: records, or in words why one cannot be taken. All are asked at once."""
        for step, key in keys.items():
            self.lane.submit(step, partial(_offer, self.remote, key, thorough))
        found: dict[Step, Record | str] = {}
        for done in self.lane.collect_all():
            if isinstance(done.error, Lie):
                found[done.tag] = str(done.error)
            elif done.error is not None and not isinstance(done.error, Away):
                raise done.error
            elif done.value is not None:
                found[done.tag] = done.value
        return found


def _offer(remote: Remote, key: str, thorough: bool, beat: Beat) -> Record | None:
    record = remote.find(key, beat)
    if record is not None and thorough and not remote.holds(record, beat):
        raise Lie("objects of its result are missing")
    return record
