"""Inputs and answers made from botocore's models: what a client could ask for, and what a service could say.

The same seed gives the same values. Answers are written here by the rules of each protocol, independently of botocore's
parsers and of ours; both must read the same out of them.
"""

import base64
import datetime
import json
import random
from xml.sax.saxutils import escape, quoteattr

from botocore.serialize import create_serializer

LETTERS = "abcXYZ019 -_.~/:+&=<>;%\"'*()!@$,é中"
DEPTH_MAX = 5
MOMENT = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


class Values:
    """Random values of shapes. `amount` is how many of the optional members are there, 0 to 1."""

    def __init__(self, seed, amount):
        self.random = random.Random(seed)
        self.amount = amount

    def text(self, shape=None, letters=LETTERS):
        least = (shape.metadata.get("min", 0) if shape is not None else 0) or 1
        if shape is not None and getattr(shape, "enum", None):
            return self.random.choice(shape.enum)
        length = max(least, self.random.randrange(1, 12))
        return "".join(self.random.choices(letters, k=length)).strip() + "x" * least

    def plain(self, shape=None):
        return self.text(shape, "abcXYZ019-_.")

    def value(self, shape, depth=0, path=()):
        kind = shape.type_name
        if kind == "structure":
            if getattr(shape, "is_document_type", False):
                return {"a": [1, "x", True, None], "b": {"c": 0.5}}
            return self.structure(shape, depth, path)
        if kind in ("list", "map"):
            size = max(self.random.randrange(1, 3), shape.metadata.get("min", 0)) if depth < DEPTH_MAX else 0
            size = max(size, shape.metadata.get("min", 0))
            if shape.name in path:
                size = min(size, shape.metadata.get("min", 0))
            path = (*path, shape.name)
            if kind == "list":
                return [self.value(shape.member, depth + 1, path) for _ in range(min(size, 30))]
            return {self.text(shape.key): self.value(shape.value, depth + 1, path) for _ in range(size)}
        if kind == "blob":
            return self.text(shape).encode()
        if kind == "timestamp":
            second = datetime.timedelta(seconds=self.random.randrange(10**8))
            return MOMENT + second
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind in ("float", "double"):
            return max(self.random.choice([0.5, 2.25, 100.0, 7.125]), float(shape.metadata.get("min", 0)))
        if kind in ("integer", "long"):
            return max(self.random.randrange(1000), shape.metadata.get("min", 0))
        return self.text(shape)

    def structure(self, shape, depth, path):
        path = (*path, shape.name)
        names = list(shape.members)
        if shape.metadata.get("union"):
            fitting = [name for name in names if shape.members[name].name not in path] or names
            names = [self.random.choice(fitting)]
        found = {}
        for name in names:
            member = shape.members[name]
            needed = name in shape.required_members or len(names) == 1 and shape.metadata.get("union")
            deep = depth >= DEPTH_MAX or member.name in path
            if not needed and (deep or self.random.random() >= self.amount):
                continue
            found[name] = self.member(member, depth, path)
        return found

    def member(self, member, depth, path):
        location = member.serialization.get("location")
        if location in ("header", "headers") and not member.serialization.get("jsonvalue"):
            if member.type_name == "string":
                return self.plain(member)
            if member.type_name == "map":
                return {self.plain().lower(): self.plain()}
            if member.type_name == "list":
                return [self.plain(member.member)]
        if member.serialization.get("hostLabel"):
            return "label"
        return self.value(member, depth + 1, path)


def as_json(value):
    """What a Trackway client writes for a value of boto3: moments and bytes as texts."""
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_json(one) for one in value]
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


class Answer:
    """An answer of a service, as it travels."""

    def __init__(self, operation, value, status=200):
        self.operation, self.status = operation, operation.http.get("responseCode", status)
        self.headers, self.body = {"x-amzn-RequestId": "r-1"}, b""
        model = operation.service_model
        self.protocol, self.namespace = model.resolved_protocol, model.metadata.get("xmlNamespace")
        shape = operation.output_shape
        getattr(self, "_" + self.protocol.replace("-", "_"))(shape, value or {})

    def _json(self, shape, value):
        self.headers["Content-Type"] = "application/x-amz-json-1.1"
        self.body = json.dumps(json_of(shape, value) if shape else {}).encode()

    def _smithy_rpc_v2_cbor(self, shape, value):
        self.headers |= {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
        if shape is not None:
            body = bytearray()
            writer = create_serializer(self.protocol, include_validation=False)
            writer._serialize_data_item(body, value, shape, None)
            self.body = bytes(body)

    def _query(self, shape, value):
        inside = "".join(xml_members(shape, value)) if shape else ""
        name = self.operation.name
        if shape is not None and "resultWrapper" in shape.serialization:
            wrapper = shape.serialization["resultWrapper"]
            inside = f"<{wrapper}>{inside}</{wrapper}>"
        meta = "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata>"
        self._xml(f'<{name}Response xmlns="http://x/">\n  {inside}{meta}\n</{name}Response>')

    def _ec2(self, shape, value):
        inside = "".join(xml_members(shape, value)) if shape else ""
        name = self.operation.name
        self._xml(f'<{name}Response xmlns="http://x/"><requestId>r-1</requestId>{inside}</{name}Response>')

    def _rest_json(self, shape, value):
        self._rest(shape, value, "application/json", lambda shape, value, _: json.dumps(json_of(shape, value)))

    def _rest_xml(self, shape, value):
        def write(shape, value, name):
            tag = f"{name} xmlns={quoteattr('http://x/')}" + "".join(xml_attributes(shape, value))
            return f'<?xml version="1.0"?>\n<{tag}>{"".join(xml_members(shape, value))}</{name}>'

        self._rest(shape, value, "application/xml", write)

    def _rest(self, shape, value, kind, write):
        if shape is None:
            return
        payload = shape.serialization.get("payload")
        rest = {}
        for name, one in value.items():
            member = shape.members[name]
            location, wire = member.serialization.get("location"), member.serialization.get("name", name)
            if name == payload:
                self._payload(member, one, kind, write, wire)
            elif location == "header":
                self.headers[wire] = header_text(member, one)
            elif location == "headers":
                self.headers |= {wire + key: text for key, text in one.items()}
            elif location == "statusCode":
                self.status = 200
            else:
                rest[name] = one
        if payload is None and self._has_body(shape):
            self.headers["Content-Type"] = kind
            self.body = write(shape, rest, shape.name).encode()
        if "Content-Length" in self.headers and self.operation.http["method"] != "HEAD":
            self.headers["Content-Length"] = str(len(self.body))

    @staticmethod
    def _has_body(shape):
        return any("location" not in member.serialization for member in shape.members.values())

    def _payload(self, member, value, kind, write, wire):
        if member.type_name == "blob":
            self.body = value
        elif member.type_name == "string":
            self.body = value.encode()
        else:
            self.headers["Content-Type"] = kind
            self.body = write(member, value, wire).encode()

    def _xml(self, text):
        self.headers["Content-Type"] = "text/xml"
        self.body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def moment_text(shape, value, usual):
    kind = shape.serialization.get("timestampFormat", usual)
    if kind == "unixTimestamp":
        return value.timestamp()
    if kind == "rfc822":
        return value.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def header_text(shape, value):
    if shape.serialization.get("jsonvalue"):
        return base64.b64encode(json.dumps(value).encode()).decode()
    if shape.type_name == "list":
        return ", ".join(header_text(shape.member, one) for one in value)
    return scalar_text(shape, value, "rfc822")


def scalar_text(shape, value, usual="iso8601"):
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "timestamp":
        return str(moment_text(shape, value, usual))
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    return str(value)


def json_of(shape, value):
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        members = ((shape.members[name], name, one) for name, one in value.items())
        known = {member.serialization.get("name", name): json_of(member, one) for member, name, one in members}
        return known if shape.metadata.get("union") else known | {"unknown member": [{"a": 1}]}
    if kind == "list":
        return [json_of(shape.member, one) for one in value]
    if kind == "map":
        return {key: json_of(shape.value, one) for key, one in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    if kind == "timestamp":
        return moment_text(shape, value, "unixTimestamp")
    return value


def xml_attributes(shape, value):
    for name, one in value.items() if isinstance(value, dict) and shape.type_name == "structure" else ():
        member = shape.members[name]
        if member.serialization.get("xmlAttribute"):
            wire = member.serialization.get("name", name)
            if ":" in wire:
                yield f' xmlns:{wire.split(":")[0]}="http://x/"'
            yield f" {wire}={quoteattr(str(one))}"


def xml_members(shape, value):
    for name, one in value.items():
        member = shape.members[name]
        if "location" not in member.serialization and not member.serialization.get("xmlAttribute"):
            yield from xml_member(member, member.serialization.get("name", name), one)
    if not shape.metadata.get("union"):
        yield "<unknownMember><a>1</a></unknownMember>"


def xml_member(shape, name, value):
    kind = shape.type_name
    flat = shape.serialization.get("flattened")
    if kind == "list":
        inner = shape.member.serialization.get("name")
        if flat:
            for one in value:
                yield from xml_member(shape.member, inner or name, one)
        else:
            items = "".join("".join(xml_member(shape.member, inner or "member", one)) for one in value)
            yield f"<{name}>{items}</{name}>\n"
    elif kind == "map":
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        entries = [
            "".join([*xml_member(shape.key, key_name, key), *xml_member(shape.value, value_name, one)])
            for key, one in value.items()
        ]
        if flat:
            yield from (f"<{name}>{entry}</{name}>" for entry in entries)
        else:
            yield f"<{name}>" + "".join(f"<entry>{entry}</entry>" for entry in entries) + f"</{name}>"
    elif kind == "structure":
        yield f"<{name}{''.join(xml_attributes(shape, value))}>{''.join(xml_members(shape, value))}</{name}>"
    else:
        yield f"<{name}>{escape(scalar_text(shape, value))}</{name}>"


class Refusal(Answer):
    """A modelled error of a service, as it travels."""

    def __init__(self, operation, shape, value, message):
        self.shape, self.message, self.code = shape, message, shape.error_code
        super().__init__(operation, value)
        self.status = shape.metadata.get("error", {}).get("httpStatusCode", 400)

    def _members(self, value):
        return {name: one for name, one in value.items() if name.lower() not in ("message", "code", "type", "requestid")}

    def _json(self, _, value):
        body = json_of(self.shape, self._members(value)) | {"__type": f"com.amazonaws.x#{self.code}", "message": self.message}
        self.body = json.dumps(body).encode()

    def _rest_json(self, _, value):
        self.headers["x-amzn-ErrorType"] = f"{self.code}:http://x/"
        in_body = {
            name: one
            for name, one in self._members(value).items()
            if "location" not in self.shape.members[name].serialization
        }
        self.body = json.dumps(json_of(self.shape, in_body) | {"message": self.message}).encode()

    def _smithy_rpc_v2_cbor(self, _, value):
        self.headers |= {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
        writer = create_serializer(self.protocol, include_validation=False)
        body = bytearray()
        writer._serialize_type_map(
            body,
            {"__type": f"com.amazonaws.x#{self.code}", "message": self.message},
            _TextMap(),
            None,
        )
        self.body = bytes(body)

    def _error(self, value):
        members = "".join(xml_members(self.shape, self._members(value)))
        return f"<Error><Type>Sender</Type><Code>{self.code}</Code><Message>{escape(self.message)}</Message>{members}</Error>"

    def _query(self, _, value):
        self._xml(f'<ErrorResponse xmlns="http://x/">{self._error(value)}<RequestId>r-1</RequestId></ErrorResponse>')

    def _ec2(self, _, value):
        self._xml(f"<Response><Errors>{self._error({})}</Errors><RequestID>r-1</RequestID></Response>")

    def _rest_xml(self, _, value):
        if self.operation.service_model.service_name == "s3":
            self._xml(self._error({}))
        else:
            self._query(_, value)


class _TextMap:
    """The shape of a map of texts."""

    class key:
        type_name = "string"

    value = key
