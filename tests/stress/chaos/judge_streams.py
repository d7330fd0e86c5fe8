"""Streams mode: the order is Redis's, and everyone has all of it, once. Nothing is allowed for: servers keep more of a topic than ever comes
while a client or Redis is away, and a time that an id is compared with was taken before, or after, on the same clock."""
import bisect
import json

from clients import CONNECTED, EVENT, GAP


def ms_of(when):
    """As Redis writes the time into an id."""
    return int(when * 1000)


class Judge:
    """Judges round by round, and forgets what it has judged."""

    def __init__(self, verdict, tail, publishers, clients):
        self.verdict, self.tail, self.publishers = verdict, tail, publishers
        self.numbers = {one.name: 0 for one in publishers}  # the highest of each that is in the stream
        self.of_servers = set()
        self.last_mark_ms = 0
        self.topics = {one.topic: Topic(one.topic) for one in publishers}
        self.readers = [Reader(verdict, client, self.topics[client.topic]) for client in clients]
        self.owed = {}  # topic -> the last event that everyone must have

    def is_delivered(self):
        self.owed = {topic: place for place, topic, name in self.tail.entries if name}
        return all(reader.client.last >= self.owed.get(reader.topic.name, (0, 0)) for reader in self.readers)

    def judge(self):
        entries = self.tail.take()
        self.stream(entries)
        for topic in self.topics.values():
            topic.take(entries)
        for reader in self.readers:
            reader.judge(self.owed.get(reader.topic.name, (0, 0)))
        for topic in self.topics.values():
            topic.forget(min(reader.at for reader in self.readers if reader.topic is topic))

    def stream(self, entries):
        """What publishers were told that Redis has is there once, in their order; what servers said of a download, which is never the same
        twice, is there once."""
        there = {one.name: [] for one in self.publishers}
        for place, _, name in entries:
            if name is None:
                self.last_mark_ms = place[0]
            elif name[0] in there:
                there[name[0]].append((name[1], self.last_mark_ms))
            elif name[0] == "server":
                if name in self.of_servers:
                    self.verdict.complain("doubled", f"{name} in the stream, again at {place}")
                self.of_servers.add(name)
        for one in self.publishers:
            self.publisher(one, there[one.name])

    def publisher(self, one, there):
        at, said, highest = 0, one.said, self.numbers[one.name]
        if one.must_be_there and [number for number, _ in there] != said:
            self.verdict.complain("lost", f"{one.name}: {len(said)} acknowledged, {len(there)} in the stream")
        for number, mark_ms in there:
            if number <= highest:
                self.verdict.complain("doubled", f"{one.name} {number} in the stream after {highest}")
            missing = []
            while at < len(said) and said[at] < number:
                missing.append(said[at])
                at += 1
            at += said[at:at + 1] == [number]
            highest = max(highest, number)
            if missing:
                self.missing(one, missing, number, mark_ms)
        if said[at:]:
            self.verdict.complain("lost", f"{one.name} {said[at]} and {len(said) - at - 1} more are not in the stream at the end")
        self.numbers[one.name] = highest

    def missing(self, one, numbers, before, mark_ms):
        """Plain messages that are not there were said before a mark that stands before anything newer of their publisher. When one came to
        Redis nobody knows: not before it was about to be said."""
        untold = [n for n in numbers if ms_of(one.when[n]) > mark_ms]
        if untold:
            self.verdict.complain("lost", f"{one.name} {untold[0]} and {len(untold) - 1} more are not in the stream, with no mark before {before}")
        self.verdict.counts["told_missing"] += len(numbers) - len(untold)


class Topic:
    """The part of the stream that the clients of one topic follow. Its marks are all that ever were, as they are few."""

    def __init__(self, name):
        self.name, self.places, self.names, self.marks = name, [], [], []

    def take(self, entries):
        for place, topic, name in entries:
            if topic in (self.name, "*"):
                if name is None:
                    self.marks.append(place)
                else:
                    self.places.append(place)
                    self.names.append(name)

    def forget(self, place):
        n = bisect.bisect_right(self.places, place)
        del self.places[:n], self.names[:n]


class Reader:
    """One client's book beside the stream."""

    def __init__(self, verdict, client, topic):
        self.verdict, self.client, self.topic = verdict, client, topic
        self.who = f"client {client.number}"
        self.at, self.server = None, None  # all that it follows it has up to there
        self.marked = 0  # so many marks are before that
        self.told = []  # (from, milliseconds) of each gap that may be for a later mark
        self.next = 0  # in the topic's places

    def judge(self, owed):
        places, seen = self.topic.places, self.client.seen
        if self.at is None:
            self.at = next((place for what, _, place, *_ in seen if what is CONNECTED and place), (0, 0))
            self.marked = bisect.bisect_right(self.topic.marks, self.at)
        self.next = bisect.bisect_right(places, self.at)
        for what, about, place, *when in seen:
            if what is EVENT:
                self.event(place, about)
            elif what is GAP:
                self.gap(json.loads(about), place, ms_of(when[0]))
            else:
                self.server = about
        end = bisect.bisect_right(places, owed)
        if self.next < end:
            self.verdict.complain("lost", f"{self.who}: {end - self.next} at the end, the first {places[self.next]} {self.topic.names[self.next]}")
            self.at = owed
        if self.marked == len(self.topic.marks):
            self.told.clear()
        seen.clear()

    def event(self, here, name):
        places, names, marks = self.topic.places, self.topic.names, self.topic.marks
        while self.marked < len(marks) and marks[self.marked] < here:
            self.mark(marks[self.marked], here)
            self.marked += 1
        at = bisect.bisect_left(places, here, self.next) if places[self.next:self.next + 1] != [here] else self.next
        if here <= self.at:
            self.complain("doubled", name, here)
        elif places[at:at + 1] != [here] or names[at] != name:
            self.complain("disordered", name, here, "is not in the stream")
        else:
            if at > self.next:
                self.complain("lost", name, here, f"comes after {at - self.next} are lost, the first {places[self.next]} {names[self.next]}")
            self.at, self.next = here, at + 1

    def mark(self, mark, here):
        """Told with a gap that begins before it and came when it was there."""
        if not any(since < mark and mark[0] <= when_ms for since, when_ms in self.told):
            self.verdict.complain("lost", f"{self.who}: mark {mark} untold before {here} at server {self.server}")

    def gap(self, gap, ident, when_ms):
        """Due before a mark of the stream that was there by then, and never else."""
        since = place_of(gap["from"]) if gap["from"] else (0, 0)
        at = bisect.bisect_right(self.topic.marks, since)
        self.told.append((since, when_ms))
        self.verdict.counts["told"] += 1
        self.verdict.counts[gap["reason"]] += 1
        if self.topic.marks[at:at + 1] == [] or self.topic.marks[at][0] > when_ms:
            self.verdict.complain("false_gaps", f"{self.who}: {gap} at {ident} at server {self.server}")

    def complain(self, what, name, here, how=""):
        self.verdict.complain(what, f"{self.who}: {name} {here} at server {self.server} {how}")


def place_of(ident):
    return tuple(int(part) for part in ident.split("-"))
