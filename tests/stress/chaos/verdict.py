"""Where complaints are gathered: each is a line, and none is a pass."""
KINDS = "lost", "doubled", "disordered", "false_gaps", "descriptors", "memory"
GAPS = "bridge", "restarted", "expired", "slow", "unknown"
MOST_LINES = 5


class Verdict:
    def __init__(self):
        self.complaints = []
        self.counts = dict.fromkeys((*KINDS, "told", *GAPS, "told_missing"), 0)

    def complain(self, what, text):
        self.counts[what] += 1
        if self.counts[what] <= MOST_LINES:
            self.complaints.append(f"{what}: {text}")
