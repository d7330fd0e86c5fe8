"""What each client should have, and has. Every complaint is a line; no complaint is a pass."""
import bisect
import json

from clients import CONNECTED, EVENT, GAP

READ_BACK = 900  # a little less than what a server reads at its start, and keeps of a topic: 1000
UNREAD = 300  # entries that a server may have read before the one who writes the truth down


class Verdict:
    def __init__(self):
        self.complaints = []
        self.counts = {"lost": 0, "doubled": 0, "disordered": 0, "false_gaps": 0, "import_gaps": 0, "old_gaps": 0, "told": 0, "told_missing": 0,
                       "again": 0}

    def complain(self, what, text):
        self.counts[what] += 1
        if self.counts[what] <= 5:
            self.complaints.append(f"{what}: {text}")


def place(ident):
    return tuple(int(part) for part in ident.split("-"))


# ---- streams mode: the order is Redis's, and everyone has all of it ----

def check_truth(verdict, truth, publishers):
    """What publishers were told that Redis has is there once, in their order; a plain message that is not there was said before a mark that
    stands before anything newer of its publisher."""
    numbers, last_mark = {}, 0
    for ident, _, name in truth.entries:
        if name is None:
            last_mark = place(ident)[0]
        else:
            numbers.setdefault(name[0], []).append((name[1], last_mark))
    for one in publishers:
        there, acknowledged = numbers.get(one.name, []), set(one.said)
        if one.must_be_there and [number for number, _ in there] != one.said:
            verdict.complain("lost", f"{one.name}: {len(one.said)} acknowledged, {len(there)} in the stream")
        for (number, _), (later, mark_ms) in zip([(0, 0), *there], there):
            if later <= number:
                verdict.complain("doubled", f"{one.name} {later} in the stream after {number}")
            missing = [n for n in range(number + 1, later) if n in acknowledged]
            untold = [n for n in missing if one.wall_ms[n] > mark_ms]
            if untold:
                verdict.complain("lost", f"{one.name} {untold[0]} and {len(untold) - 1} more are not in the stream, with no mark before {later}")
            verdict.counts["told_missing"] += len(missing) - len(untold)


class Truth:
    """The part of the stream that the clients of one topic follow."""

    def __init__(self, truth, topic):
        self.topic = topic
        self.entries = [(place(ident), name, at) for at, (ident, of, name) in enumerate(truth.entries) if of in (topic, "*")]
        self.marks = [(where, at) for where, name, at in self.entries if name is None]
        self.events = [(where, name) for where, name, _ in self.entries if name is not None]
        self.places = [where for where, _ in self.events]
        self.all_places = [where for where, _, _ in self.entries]

    def behind(self, since, head):
        """How many events of all topics an id is behind, when the stream had `head` entries."""
        at = bisect.bisect_right(self.all_places, since)
        return head - self.entries[at][2] if at < len(self.entries) else 0


class Reader:
    """One client's book beside the truth."""

    def __init__(self, verdict, client, truth):
        self.verdict, self.who, self.truth = verdict, f"client {client.number}", truth
        self.seen = client.seen
        self.told = []  # (from, entries that the stream had) of each gap

    def judge(self):
        first = next((place(one[2]) for one in self.seen if one[0] == CONNECTED and one[2]), None)
        if first is None:
            self.verdict.complain("lost", f"{self.who}: never greeted with an id")
            return
        self.at = bisect.bisect_right(self.truth.places, first)
        self.marks = [mark for mark in self.truth.marks if mark[0] > first]
        for what, name, ident, server, head in self.seen:
            if what == GAP:
                self.gap(json.loads(name), ident, server, head)
            elif what == EVENT:
                self.event(place(ident), name, server)
        if self.at < len(self.truth.events):
            self.verdict.complain("lost", f"{self.who}: {len(self.truth.events) - self.at} at the end, the first {self.truth.events[self.at]}")

    def event(self, here, name, server):
        at = bisect.bisect_left(self.truth.places, here)
        while self.marks and self.marks[0][0] < here:
            mark, entry = self.marks.pop(0)
            if not any(since < mark and head + UNREAD >= entry for since, head in self.told):
                self.verdict.complain("lost", f"{self.who}: mark {mark} untold before {here} at server {server}")
        if self.truth.events[at:at + 1] != [(here, name)]:
            self.verdict.complain("disordered", f"{self.who}: {name} {here} at server {server} is not in the stream")
        elif at < self.at:
            self.verdict.complain("doubled", f"{self.who}: {name} {here} at server {server}")
        else:
            if at > self.at:
                self.verdict.complain("lost", f"{self.who}: {at - self.at} before {here} at server {server}, the first {self.truth.events[self.at]}")
            self.at = at + 1

    def gap(self, gap, ident, server, head):
        """Due before a mark of the stream, and to who comes with an id that is older than what the server has."""
        since = place(gap["from"]) if gap["from"] else (0, 0)
        self.told.append((since, head))
        self.verdict.counts["told"] += 1
        is_marked = any(since < mark and head + UNREAD >= entry for mark, entry in self.truth.marks)
        is_old = self.truth.behind(since, head + UNREAD) > READ_BACK
        if is_old and gap["to"]:
            resumed = bisect.bisect_left(self.truth.places, place(gap["to"]))
            self.verdict.counts["old_gaps"] += resumed > self.at
            self.verdict.counts["told_missing"] += max(0, resumed - self.at)
            self.at = max(self.at, resumed)
        if is_marked:
            self.verdict.counts["import_gaps"] += 1
        elif not is_old:
            self.verdict.complain("false_gaps", f"{self.who}: {gap} at {ident} at server {server}, {self.truth.behind(since, head)} behind")


# ---- pub/sub mode: who misses something was told ----

def pubsub_client(verdict, client, publishers):
    who = f"client {client.number}"
    for one in publishers:
        missing_or_told(verdict, who, client.seen, one)
    segments(verdict, who, client.seen, {one.name for one in publishers if one.is_tagged})


def missing_or_told(verdict, who, seen, publisher):
    """Before anything newer comes from this publisher a gap was told, later than the missing one was about to be said: who then fetches
    afresh has all that it would have told."""
    have, order, last_gap = set(), [], 0
    for what, name, _, _, when in seen:
        if what == GAP:
            last_gap = when
        elif what == EVENT and name[0] == publisher.name:
            have.add(name[1])
            order.append((name[1], last_gap))
    newest, laters = 0, []  # (number, last gap) of the events that are newer than all before them
    for number, gap in order:
        if number > newest:
            newest = number
            laters.append((number, gap))
    at = 0
    for number in publisher.said:
        while at < len(laters) and laters[at][0] < number:
            at += 1
        if number in have:
            continue
        if at == len(laters):
            verdict.complain("lost", f"{who}: {publisher.name} {number} at the end")
        elif laters[at][1] < publisher.when[number]:
            verdict.complain("lost", f"{who}: {publisher.name} {number} untold before {laters[at][0]}")
        else:
            verdict.counts["told_missing"] += 1


def segments(verdict, who, seen, tagged):
    """Between two gaps, on one server, numbers only rise."""
    last, ever = {}, set()
    for what, name, ident, server, _ in seen:
        if what == GAP:
            last = {}
            verdict.counts["told"] += 1
        elif what == EVENT and name[0] != "other":
            again = name in ever
            ever.add(name)
            if name[0] == "server":
                if again and name in last:
                    verdict.complain("doubled", f"{who}: {name} at server {server}")
                last[name] = True
            elif name[1] <= last.get(name[0], 0):
                verdict.complain("doubled" if again else "disordered", f"{who}: {name} {ident} after {last[name[0]]} at server {server}")
            else:
                last[name[0]] = name[1]
                verdict.counts["again"] += again and name[0] in tagged
