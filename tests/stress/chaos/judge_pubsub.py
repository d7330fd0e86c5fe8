"""Pub/sub mode: whoever misses something was told."""
import json

from clients import CONNECTED, EVENT, GAP


class Judge:
    """Judges round by round, and forgets what it has judged."""

    def __init__(self, verdict, publishers, clients):
        self.listeners = [Listener(verdict, client, [one for one in publishers if one.topic == client.topic]) for client in clients]

    def is_delivered(self):
        """Of what is not said by a publisher nobody outside knows."""
        return True

    def judge(self):
        for listener in self.listeners:
            listener.judge()


class Listener:
    """One client's book."""

    def __init__(self, verdict, client, publishers):
        self.verdict, self.client, self.publishers = verdict, client, publishers
        self.who = f"client {client.number}"
        self.server = None
        self.highest = {}  # (run of a server, which is the first part of its ids, publisher) -> number

    def judge(self):
        self.of_servers = set()  # (run, words)
        self.gap_at = 0
        self.heard = {one.name: [] for one in self.publishers}  # (number, when the last gap was told)
        for what, about, place, *when in self.client.seen:
            if what is EVENT:
                self.event(about, place)
            elif what is GAP:
                self.gap(json.loads(about), place, when[0])
            elif what is CONNECTED:
                self.server = about
        self.client.seen.clear()
        for one in self.publishers:
            self.missing_or_told(one, self.heard[one.name])

    def event(self, name, place):
        """A run of a server gives each event once and in its publisher's order, whatever it tells of gaps. What is neither a publisher's
        nor of the queue may be the same twice, and cannot be told apart."""
        run = place[0]
        if name[0] == "server":
            if (run, name) in self.of_servers:
                self.verdict.complain("doubled", f"{self.who}: {name} {place} at server {self.server}")
            self.of_servers.add((run, name))
        elif name[0] in self.heard:
            highest = self.highest.get((run, name[0]), 0)
            if name[1] <= highest:
                is_again = any(number == name[1] for number, _ in self.heard[name[0]])
                self.verdict.complain("doubled" if is_again else "disordered", f"{self.who}: {name} {place} after {highest} at server {self.server}")
            else:
                self.highest[run, name[0]] = name[1]
            self.heard[name[0]].append((name[1], self.gap_at))

    def gap(self, gap, place, when):
        """One for a restart is due to who comes from another run. When others are, depends on what passed between server and Redis."""
        self.gap_at = when
        self.verdict.counts["told"] += 1
        self.verdict.counts[gap["reason"]] += 1
        is_from_here = gap["from"] and int(gap["from"].split("-")[0]) == place[0]
        if gap["reason"] == "unknown" or (gap["reason"] == "restarted" and is_from_here):
            self.verdict.complain("false_gaps", f"{self.who}: {gap} at {place} at server {self.server}")

    def missing_or_told(self, publisher, heard):
        """Before anything newer comes from this publisher a gap was told, later than the missing one was about to be said: what it is about
        was so by then, and who fetches that afresh has all that it would have told."""
        have = {number for number, _ in heard}
        newest, laters = 0, []  # (number, last gap) of those that are newer than all before them
        for number, gap_at in heard:
            if number > newest:
                newest = number
                laters.append((number, gap_at))
        at = 0
        for number in publisher.said:
            while at < len(laters) and laters[at][0] < number:
                at += 1
            if number in have:
                continue
            if at == len(laters):
                self.verdict.complain("lost", f"{self.who}: {publisher.name} {number} at the end")
            elif laters[at][1] < publisher.when[number]:
                self.verdict.complain("lost", f"{self.who}: {publisher.name} {number} untold before {laters[at][0]}")
            else:
                self.verdict.counts["told_missing"] += 1
