"""Sound inputs made unsound: bits, bytes, numbers, words, pieces of other inputs; and the JSON head of safetensors files, as JSON.

Inside: `mutated`, `mutated_json`, `mutated_xml`, `mutated_safetensors`.
"""

import copy
import json
import random
import re
import xml.etree.ElementTree as tree

BYTES = (0x00, 0x01, 0x7F, 0x80, 0x81, 0xF0, 0xF7, 0xFE, 0xFF)
NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"127",
    b"128",
    b"255",
    b"65536",
    b"2147483648",
    b"99999999999999999999",
    b"1e999",
    b"1e-999",
    b"nan",
    b"-0.0",
    b"9" * 5000,
)
LONGEST = 1 << 16  # bytes of an input
MOST_STEPS = 8  # changes of one input


def mutated(rng, data, others, words=()):
    """The data with one to MOST_STEPS changes. others: inputs to take pieces of; words: such as mean something to the reader."""
    data = bytearray(data)
    for _ in range(min(1 + int(rng.expovariate(0.5)), MOST_STEPS)):
        rng.choice(_CHANGES)(rng, data, others, words)
    return bytes(data[:LONGEST])


def _at(rng, data):
    return rng.randrange(len(data) + 1)


def _span(rng, data):
    start = _at(rng, data)
    return start, min(start + int(rng.expovariate(1 / 12)) + 1, len(data))


def _flip(rng, data, others, words):
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _byte(rng, data, others, words):
    if data:
        data[rng.randrange(len(data))] = rng.choice(BYTES)


def _cut(rng, data, others, words):
    start, end = _span(rng, data)
    del data[start:end]


def _end(rng, data, others, words):
    del data[_at(rng, data) :]


def _insert(rng, data, others, words):
    at = _at(rng, data)
    data[at:at] = rng.randbytes(1 + int(rng.expovariate(0.2)))


def _again(rng, data, others, words):
    start, end = _span(rng, data)
    at = _at(rng, data)
    data[at:at] = bytes(data[start:end]) * rng.choice((1, 1, 1, 2, 50))


def _splice(rng, data, others, words):
    other = rng.choice(others)
    start, end = _span(rng, other)
    at, until = _span(rng, data)
    data[at:until] = other[start:end]


def _joined(rng, data, others, words):
    other = rng.choice(others)
    data[_at(rng, data) :] = other[_at(rng, other) :]


def _word(rng, data, others, words):
    if words:
        at = _at(rng, data)
        data[at : at + rng.choice((0, 0, 1, 4))] = rng.choice(words)


def _number(rng, data, others, words):
    found = list(re.finditer(rb"\d+", bytes(data)))
    if found:
        match = rng.choice(found)
        data[match.start() : match.end()] = rng.choice(NUMBERS)


_CHANGES = (_flip, _flip, _byte, _byte, _cut, _end, _insert, _again, _splice, _joined, _word, _word, _number)

# ---- safetensors ---------------------------------------------------------------------------------------------------

VALUES = (None, True, 0, 1, -1, 2, 3, 7, 64, 10**6, 10**12, 10**400, 1.5, float("nan"), float("inf"), "", "x", "..", [], {}, [1], {"x": 1}, [[[]]])


def mutated_safetensors(rng, data, others, words=()):
    """A safetensors file changed in its bytes, in its head, or in the metadata that its head holds as JSON in a text."""
    if rng.random() < 0.15:
        return mutated(rng, data, others, words)
    size = int.from_bytes(data[:8], "little")
    head, body = json.loads(data[8 : 8 + size]), bytearray(data[8 + size :])
    for _ in range(1 + int(rng.expovariate(0.7))):
        chance = rng.random()
        if chance < 0.65:
            told = json.loads(head["__metadata__"]["musiclc"])
            head["__metadata__"]["musiclc"] = json.dumps(_changed(rng, told))
        elif chance < 0.85:
            _head(rng, head)
        else:
            for _ in range(rng.choice((1, 20, 500))):
                body[rng.randrange(len(body))] = rng.choice((0, 0xFF, 0x7C, rng.randrange(256)))
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + bytes(body)


def mutated_json(rng, data, others, words=()):
    """JSON Lines with values changed, and left JSON; or changed as any text."""
    try:
        lines = [json.loads(line) for line in data.splitlines()]
    except (ValueError, RecursionError):
        lines = []
    if not lines or rng.random() < 0.4:
        return mutated(rng, data, others, words)
    try:
        for _ in range(1 + int(rng.expovariate(0.7))):
            lines = _changed(rng, lines) or [{}]
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    except (RecursionError, ValueError):  # brackets within brackets: that is bad enough
        return data


def mutated_xml(rng, data, others, words=()):
    """XML with elements removed, doubled, moved and told otherwise, and left XML; or changed as any text."""
    try:
        root = tree.fromstring(data)
    except (tree.ParseError, ValueError):
        root = None
    if root is None or rng.random() < 0.25:
        return mutated(rng, data, others, words)
    for _ in range(1 + int(rng.expovariate(0.5))):
        holders = [each for each in root.iter() if len(each)]
        every = list(root.iter())
        holder, one = rng.choice(holders), rng.choice(every)
        chance = rng.random()
        if chance < 0.4:
            one.text = rng.choice(XML_TEXTS)
        elif chance < 0.6:
            holder.remove(rng.choice(list(holder)))
        elif chance < 0.75 and len(every) < 2000:
            holder.append(copy.deepcopy(rng.choice(list(holder))))
        elif chance < 0.85 and one is not root and len(every) < 2000:
            holder.insert(0, copy.deepcopy(one))
        elif chance < 0.95:
            one.tag = rng.choice(every).tag
        else:
            one.attrib.update({rng.choice(("number", "type", "id", "measure")): rng.choice(XML_TEXTS)})
        if not len(root):
            break
    return tree.tostring(root)


XML_TEXTS = (
    "",
    "0",
    "-1",
    "1",
    "3",
    "7",
    "64",
    "99999999999",
    "1e9",
    "0.5",
    "nan",
    "x",
    "C",
    "quarter",
    "1024th",
    "start",
    "backward",
    "1/0",
    "²",
    "9" * 5000,
)


def _head(rng, head):
    """Change a tensor's row: name, kind, shape or place."""
    names = [name for name in head if name != "__metadata__"]
    name, other = rng.choice(names), rng.choice(names)
    chance = rng.random()
    if chance < 0.3:
        head[name + rng.choice(("x", "//scale", "//bits5", "/"))] = head.pop(name)
    elif chance < 0.5:
        head[name], head[other] = head[other], head[name]
    elif chance < 0.7 and len(names) > 1:
        del head[name]
    elif chance < 0.85:
        head[name] = {**head[name], "dtype": rng.choice(("F32", "F16", "I8", "U8", "I64", "BOOL", "BF16"))}
    else:
        shape = head[name]["shape"]
        head[name] = {**head[name], "shape": rng.choice((shape[::-1], [*shape, 1], shape[1:], [10**9, 10**9], [0]))}


def _changed(rng, value):
    """A JSON value with one value in it replaced, removed, added or taken from elsewhere in it."""
    places = list(_places(value))
    holder, key = rng.choice(places)
    chance = rng.random()
    if chance < 0.6:
        holder[key] = copy.deepcopy(rng.choice(VALUES))
    elif chance < 0.75:
        del holder[key]
    elif chance < 0.9:
        other, there = rng.choice(places)
        holder[key] = json.loads(json.dumps(other[there]))
    elif isinstance(holder, dict):
        holder["more"] = copy.deepcopy(rng.choice(VALUES))
    return value


def _places(value):
    """(list or mapping, index or name) of every value within."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def generator(reader, seed, number):
    """The random numbers of one input: the same whichever were tried before."""
    return random.Random(f"{reader} {seed} {number}")
