# SPDX-License-Identifier: BSD-2-Clause
"""What a request's headers ask for, steps 3 to 7 of section 3 of the HTTP digest. HEADERS here: a
dictionary of lists, names in small letters."""
import re


class Unusable(ValueError):
    pass


def list_items(values):
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


def parameters(values):
    found = {}
    for item in list_items(values):
        name, sign, value = (part.strip() for part in item.partition("="))
        if not sign or name.lower() in found:
            raise Unusable(item)
        found[name.lower()] = value
    return found


def version_number(text):
    parts = re.fullmatch(r"(\d{1,9})\.(\d{1,9})", text or "")
    if not parts:
        raise Unusable(text)
    return int(parts[1]), int(parts[2])


def accepts_peerdist(values):
    for item in list_items(values):
        coding, *rest = [part.strip().lower() for part in item.split(";")]
        quality = [p.replace(" ", "")[2:] for p in rest if p.replace(" ", "").startswith("q=")]
        if coding == "peerdist":
            return not quality or float(quality[0] or 0) > 0
    return False


class Wish:
    """What the headers say. version: of content information, None: none is welcome."""

    def __init__(self, headers, offered):
        self.version, self.later, self.hash_request = None, False, False
        self.missing, self.minor = False, None
        try:
            self.read(headers, offered)
        except (Unusable, ValueError):
            self.version, self.later = None, False

    def read(self, headers, offered):
        peerdist = parameters(headers.get("x-p2p-peerdist", []))
        self.missing = peerdist.get("missingdatarequest", "").lower() == "true"
        extended = parameters(headers.get("x-p2p-peerdistex", []))
        self.hash_request = extended.get("hashrequest", "").lower() == "true"
        accepted = headers.get("accept-encoding")
        if not (accepts_peerdist(accepted) if accepted is not None else self.hash_request):
            return
        major, self.minor = version_number(peerdist.get("version"))
        if major != 1 or self.minor > 1:
            return
        if peerdist.get("missingdatarequest", "false").lower() != "false":
            return
        lowest, highest = 1, 1
        if "x-p2p-peerdistex" in headers:
            low = version_number(extended.get("mincontentinformation"))
            high = version_number(extended.get("maxcontentinformation"))
            if (low, high) not in (((1, 0), (1, 0)), ((1, 0), (2, 0)), ((2, 0), (2, 0))):
                return
            lowest, highest = low[0], high[0] if self.minor else min(high[0], 1)
        usable = [v for v in offered if lowest <= v <= highest]
        self.version = max(usable, default=None)
        self.later = self.minor >= 1 and self.version is not None
