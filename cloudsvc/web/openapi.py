"""The OpenAPI 3.1 description, made of what the decorators noted and what the handlers' types say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias, get_args, get_origin, get_type_hints

import attrs
import msgspec
from attrs import frozen
from twisted.web.http import NO_BODY_CODES

from cloudsvc.web.operations import Operation
from cloudsvc.web.refusals import HEADERS, HEADERS_OF, SHARED, refusals_of
from cloudsvc.web.resources import VARIABLE, path_template
from cloudsvc.web.responses import ErrorMessage, Message

_Object: TypeAlias = dict[str, Any]

_VARIABLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "int": {"type": "integer", "minimum": 0},
    "float": {"type": "number", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
    "path": {"type": "string", "pattern": r"^[^/\x00][^\x00]*$"},
}
_SEGMENT: Final = {"type": "string", "pattern": r"^[^/\x00]+$"}
_SECURITY: Final = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
_JSON: Final = "application/json"
_FIELD: Final = re.compile(r":ivar (\w+): (.+?)(?=\s+:ivar |\n\n|\Z)", re.DOTALL)

_CONVENTIONS: Final = """\
Send your key as `X-API-Key`, or as a Bearer token. JSON answers have `code`, `message` and `timestamp`; a refusal \
also has a stable `error` for programs, and the `request_id` under which the server's log knows it.

What answers `GET` answers `HEAD` too. Other methods than those described get 405, with the right ones in `Allow`.
"""


@frozen(kw_only=True)
class DescribedRoute:
    """One route for the description: what was noted of it, and the group that it belongs to."""

    tag: str
    operation: Operation


def describe(
    routes: Iterable[DescribedRoute],
    *,
    title: str,
    version: str,
    summary: str,
    tags: Mapping[str, str] = MappingProxyType({}),
    media_type: str = _JSON,
) -> _Object:
    """
    The OpenAPI document of ``routes`` as plain data.

    :param tags: what each group of routes is for.
    :param media_type: of messages.
    """
    routes = [route for route in routes if not route.operation.hidden]
    operations = [route.operation for route in routes]
    types: list[type[Any]] = [ErrorMessage]
    for operation in operations:
        types.extend(kind for kind in _types_of(operation) if kind not in types)
    references, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schemas = dict(zip(types, references, strict=True))
    for kind, schema in schemas.items():
        if attrs.has(kind):
            _complete(_follow(schema, components), kind)
    for body in filter(None, [operation.body for operation in operations]):
        _close(schemas[body], components)
    writer = _Writer(schemas=schemas, components=components, media_type=media_type)
    paths: dict[str, _Object] = {}
    for route in routes:
        item = paths.setdefault(path_template(route.operation.path), {})
        for method in route.operation.methods:
            item[method.lower()] = writer.describe_operation(route, method)
    # The fields of a query have become parameters.
    for query in filter(None, {operation.query for operation in operations}):
        del components[_name_of(schemas[query])]
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "summary": summary, "description": _CONVENTIONS},
        "tags": [{"name": tag, "description": tags.get(tag, "")} for tag in {route.tag: None for route in routes}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": writer.describe_shared(),
            "headers": {name: dict(header) for name, header in HEADERS.items()},
            "securitySchemes": dict(_SECURITY),
        },
    }


def answer_types(operation: Operation) -> tuple[type[Message], ...]:
    """The message types that the return annotation of a handler names."""
    if operation.source is None:
        return ()
    returned = get_type_hints(inspect.unwrap(operation.source)).get("return")
    candidates = [returned, *get_args(returned)]
    candidates += [argument for each in get_args(returned) for argument in get_args(each)]
    return tuple(
        kind
        for kind in dict.fromkeys(candidates)
        if isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, Message)
    )


def _types_of(operation: Operation) -> Iterator[type[Any]]:
    yield from answer_types(operation)
    yield from filter(None, (operation.body, operation.query))


def _name_of(reference: Mapping[str, Any]) -> str:
    name: str = reference["$ref"].rpartition("/")[2]
    return name


def _follow(schema: _Object, components: Mapping[str, _Object]) -> _Object:
    return components[_name_of(schema)] if "$ref" in schema else schema


def _complete(schema: _Object, kind: type[Any]) -> None:
    """Say what msgspec does not know of an attrs class: its documentation, and what the codec adds to messages."""
    schema["description"] = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    properties = schema["properties"]
    for base in reversed(kind.__mro__):
        for name, text in _FIELD.findall(base.__doc__ or ""):
            if name in properties:
                properties[name]["description"] = " ".join(text.split())
    if issubclass(kind, Message):
        schema["properties"] = {
            "code": {"type": "integer", "description": "The HTTP status."},
            "message": properties.pop("message"),
            "timestamp": {"type": "string", "format": "date-time", "description": "UTC, six digits."},
            **properties,
        }
        schema["required"] = list(schema["properties"])


def _close(schema: Any, components: Mapping[str, _Object]) -> None:
    """Say of a body's objects, at whatever depth, that they take nothing unknown. Answers stay open to new fields."""
    if isinstance(schema, list):
        for item in schema:
            _close(item, components)
    elif isinstance(schema, dict):
        target = _follow(schema, components)
        if "properties" in target:
            if "additionalProperties" in target:
                return
            target["additionalProperties"] = False
        for item in target.values():
            _close(item, components)


@frozen(kw_only=True)
class _Writer:
    """
    Writes operations.

    :ivar schemas: what to write for each type that a route names: mostly a reference to one of ``components``.
    :ivar media_type: of messages.
    """

    schemas: Mapping[type[Any], _Object]
    components: Mapping[str, _Object]
    media_type: str

    def describe_operation(self, route: DescribedRoute, method: str) -> _Object:
        operation = route.operation
        name = f"{route.tag}_{operation.name}"
        described: _Object = {
            "operationId": name if len(operation.methods) == 1 else f"{name}_{method.lower()}",
            "tags": [route.tag],
            "summary": operation.summary,
            "responses": self._describe_responses(operation),
        }
        if operation.links:
            described["responses"][str(operation.status)]["links"] = {
                target: {"operationId": f"{route.tag}_{target}", "parameters": dict(parameters)}
                for target, parameters in operation.links.items()
            }
        if operation.description:
            described["description"] = operation.description
        parameters = [*_path_parameters(operation), *self._query_parameters(operation), *_header_parameters(operation)]
        if parameters:
            described["parameters"] = parameters
        if operation.body is not None:
            content = {_JSON: {"schema": self.schemas[operation.body]}}
            described["requestBody"] = {"required": True, "content": content}
        elif operation.body_media:
            # In HTTP no body and an empty one are the same.
            content = {"schema": dict(operation.body_schema)} if operation.body_schema else {}
            required = {"required": True} if operation.body_schema.get("required") else {}
            described["requestBody"] = {**required, "content": dict.fromkeys(operation.body_media, content)}
        if operation.scope is not None:
            described["security"] = [{name: []} for name in _SECURITY]
        elif HTTPStatus.UNAUTHORIZED in operation.errors:
            # The handler itself asks for a key, when it wants one.
            described["security"] = [{}, *({name: []} for name in _SECURITY)]
        return described

    def describe_shared(self) -> _Object:
        """The refusals that operations refer to."""
        return {
            shared.name: self._describe_response(status, [shared.text], [self._refusal], {})
            for status, shared in SHARED.items()
        }

    @property
    def _refusal(self) -> tuple[str, _Object]:
        return self.media_type, self.schemas[ErrorMessage]

    def _describe_responses(self, operation: Operation) -> _Object:
        answers = {operation.status: HTTPStatus(operation.status).phrase, **operation.answers}
        refusals = refusals_of(operation)
        described: dict[str, _Object] = {}
        for status in sorted({*answers, *refusals}):
            shared = SHARED.get(status)
            if status not in answers and shared is not None and refusals[status] == shared.text:
                described[str(status)] = {"$ref": f"#/components/responses/{shared.name}"}
                continue
            texts, contents = [], []
            if status in answers:
                texts.append(answers[status])
                contents += [] if status in NO_BODY_CODES else self._list_contents(operation)
            if status in refusals:
                texts.append(refusals[status])
                contents.append(self._refusal)
            fields = operation.response_headers.get(status, {})
            described[str(status)] = self._describe_response(status, texts, contents, fields)
        return described

    def _list_contents(self, operation: Operation) -> list[tuple[str, _Object]]:
        return [
            *((media, dict(schema)) for media, schema in operation.produces.items()),
            *((self.media_type, self.schemas[kind]) for kind in answer_types(operation)),
        ]

    @staticmethod
    def _describe_response(
        status: int, texts: list[str], contents: list[tuple[str, _Object]], fields: Mapping[str, str]
    ) -> _Object:
        described: _Object = {"description": " Or: ".join(texts)}
        headers: _Object = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS_OF.get(status, ())}
        for name, text in fields.items():
            headers[name] = {"description": text, "schema": {"type": "string"}}
        if headers:
            described["headers"] = headers
        schemas: dict[str, list[_Object]] = {}
        for media, schema in contents:
            schemas.setdefault(media, []).append(schema)
        if schemas:
            described["content"] = {
                media: {"schema": found[0] if len(found) == 1 else {"anyOf": found}} for media, found in schemas.items()
            }
        return described

    def _query_parameters(self, operation: Operation) -> Iterator[_Object]:
        if operation.query is None:
            return
        properties = _follow(self.schemas[operation.query], self.components)["properties"]
        for field in attrs.fields(operation.query):
            yield {
                "name": field.name,
                "in": "query",
                "required": field.default is attrs.NOTHING,
                "schema": properties[field.name],
            }


def _path_parameters(operation: Operation) -> Iterator[_Object]:
    for variable in VARIABLE.finditer(operation.path):
        yield {
            "name": variable["name"],
            "in": "path",
            "required": True,
            "schema": _describe_variable(operation, variable),
        }


def _describe_variable(operation: Operation, variable: re.Match[str]) -> _Object:
    """What the argument of the handler says of it, where it says something, or else what any such variable takes."""
    hints = get_type_hints(inspect.unwrap(operation.source), include_extras=True) if operation.source else {}
    hint = hints.get(variable["name"])
    if get_origin(hint) is Annotated:
        return msgspec.json.schema(hint)
    return dict(_VARIABLES.get(variable["converter"] or "", _SEGMENT))


def _header_parameters(operation: Operation) -> Iterator[_Object]:
    for name, text in operation.headers.items():
        yield {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
