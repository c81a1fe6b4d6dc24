"""The slow, obvious way to find first arrival and last departure on chains of permissions: one person at a time.

It shares nothing with the code that it checks. Crossings are pairs of a date and whether it is an arrival,
permissions are triples: first day, last day, and whether it is one to visit.
Source: ONS, methods of long-term international migration (May 2023, November 2024, 2026).
"""

from datetime import date


def slow_chains(crossings, permissions, rule):
    chains = []
    for start, end in sorted(permissions):
        if chains:
            gap = (start - chains[-1][1]).days
            before = [is_arrival for day, is_arrival in crossings if day <= start]
            after = [is_arrival for day, is_arrival in crossings if day > start]
            stayed = before and before[-1] and not (after and after[0])
            if gap <= rule.chain_within or (gap <= rule.change_within and stayed):
                chains[-1] = (chains[-1][0], max(chains[-1][1], end))
                continue
        chains.append((start, end))
    return chains


def slow_pieces(crossings, chain, opens_next, visits, rule, observed_to):
    opens, closes = chain
    own = []
    for day, is_arrival in crossings:
        if day < opens or (opens_next and day >= opens_next):
            continue
        if is_arrival and day > closes:
            as_visitor = any(start <= day <= end for start, end in visits)
            if as_visitor or (day - closes).days > rule.chain_within:
                break
        own.append((day, is_arrival))
    parts = [[]]
    for crossing in own:
        if (
            parts[-1]
            and crossing[1]
            and not parts[-1][-1][1]
            and (crossing[0] - parts[-1][-1][0]).days > rule.trip_up_to
        ):
            parts.append([])
        parts[-1].append(crossing)
    for part in parts:
        start_seen, end_seen = bool(part and part[0][1]), bool(part and not part[-1][1])
        end = part[-1][0] if end_seen else max([closes, *(day for day, _ in part)])
        if not end_seen and end > observed_to:
            end = None
        yield part[0][0] if start_seen else opens, end, start_seen, end_seen


def slow_stays(crossings, permissions, rule, observed_to):
    crossings = [crossing for crossing in crossings if crossing[0] <= observed_to]
    known = [permission for permission in permissions if permission[0] <= observed_to]
    visits = [permission[:2] for permission in known if permission[2]]
    chains = slow_chains(crossings, [permission[:2] for permission in known if not permission[2]], rule)
    pieces = []
    for at, chain in enumerate(chains):
        opens_next = chains[at + 1][0] if at + 1 < len(chains) else None
        pieces += slow_pieces(crossings, chain, opens_next, visits, rule, observed_to)
    stays = []
    open_one = None  # the last stay that a return may continue
    for start, end, start_seen, end_seen in pieces:
        if end is not None and (end - start).days <= rule.return_more_than:
            stays.append([start, end, start_seen, end_seen, False])
        elif open_one and (start - open_one[1]).days <= rule.return_within:
            open_one[1], open_one[3] = end, end_seen
        else:
            open_one = [start, end, start_seen, end_seen, True]
            stays.append(open_one)
    rows = []
    for start, end, start_seen, end_seen, may_go_on in stays:
        settled = end is not None and (observed_to - end).days > rule.return_within
        if ((end or observed_to) - start).days > rule.more_than:
            long_term, emigrated = True, True if settled else None
        elif end is not None and (settled or not may_go_on):
            long_term, emigrated = False, False
        else:
            long_term, emigrated = None, None
        rows.append((start, end, start_seen, end_seen, long_term, emigrated))
    return sorted(rows, key=lambda row: (row[0], row[1] or date.max))
