"""OpenAPI 3.1 document, made of what the decorators noted and what the handlers' types say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeAlias, get_args, get_origin, get_type_hints

import attrs
import msgspec
from attrs import frozen
from twisted.web.http import NO_BODY_CODES

from cloudsvc.core.secrets import Secret
from cloudsvc.web.error_rendering import PROBLEM, Problem
from cloudsvc.web.mounts import VARIABLE, path_template
from cloudsvc.web.openapi.common_errors import HEADERS, HEADERS_OF, SHARED, refusals_of
from cloudsvc.web.operations import HeaderField, Operation
from cloudsvc.web.responses import ErrorMessage, Message

_Object: TypeAlias = dict[str, Any]

_VARIABLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "int": {"type": "integer", "minimum": 0},
    "float": {"type": "number", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
    "path": {"type": "string", "pattern": r"^[^/\x00][^\x00]*$"},
}
_SEGMENT: Final = {"type": "string", "pattern": r"^[^/\x00]+$"}
_JSON: Final = "application/json"
_METHODS: Final = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"})
"""Those that a description can have (OpenAPI 3.1, section 4.8.9); what others do, nobody could say in it."""

BINARY: Final[Mapping[str, Any]] = MappingProxyType({"type": "string", "format": "binary"})
"""
The schema of bytes that are sent as they are.

OpenAPI 3.1 would have none at all, or ``contentMediaType``; of that, generators of clients make an object or a text,
and send nothing. This they understand, whichever version they were made for.
"""
_FIELD: Final = re.compile(r":ivar (\w+): (.+?)(?=\s+:ivar |\n\n|\Z)", re.DOTALL)

_CONVENTIONS: Final = """\
Send your key as `X-API-Key`, or as a Bearer token. JSON answers have `code`, `message` and `timestamp`; a refusal \
also has a stable `error` for programs, and the `request_id` under which the server's log knows it. Who names \
`application/problem+json` in `Accept` gets refusals as problem details (RFC 9457) with the same fields.

What answers `GET` answers `HEAD` too, and `OPTIONS` tells what else may be asked. Other methods than those described \
get 405, with the right ones in `Allow`.
"""


@frozen(kw_only=True)
class DescribedRoute:
    """
    One route for the description.

    :ivar tag: of the group that it belongs to.
    :ivar path: the whole one, in Werkzeug's notation.
    :ivar operation: what was noted of it.
    :ivar errors: media types of its refusals with their schemas, where an application renders them itself.
    """

    tag: str
    path: str
    operation: Operation
    errors: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


def describe(
    routes: Iterable[DescribedRoute],
    *,
    title: str,
    version: str,
    summary: str,
    terms: Mapping[str, str] = MappingProxyType({"name": "MIT", "identifier": "MIT"}),
    tags: Mapping[str, str] = MappingProxyType({}),
    media_type: str,
    security: Mapping[str, Mapping[str, Any]],
    refinements: Iterable[Callable[[Mapping[str, _Object]], None]] = (),
) -> _Object:
    """
    The OpenAPI document of ``routes`` as plain data.

    :param terms: under which the API may be used: the name and the SPDX identifier of a licence.
    :param tags: what each group of routes is for.
    :param media_type: of messages.
    :param security: the kinds of credentials, any of which will do: Security Scheme Objects by their names.
    :param refinements: add to the schemas, by the names of their types, what is not known of the types alone.
    """
    routes = [each for each in routes if not each.operation.hidden and _METHODS.intersection(each.operation.methods)]
    operations = [route.operation for route in routes]
    types: list[type[Any]] = [ErrorMessage, Problem]
    for operation in operations:
        types.extend(kind for kind in _types_of(operation) if kind not in types)
    references, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}", schema_hook=_describe_type
    )
    schemas = dict(zip(types, references, strict=True))
    for kind, schema in schemas.items():
        if attrs.has(kind):
            _complete(_follow(schema, components), kind)
    for body in filter(None, [operation.body for operation in operations]):
        _close(schemas[body], components)
    for refine in refinements:
        refine(components)
    writer = _Writer(schemas=schemas, components=components, media_type=media_type, security=tuple(security))
    paths: dict[str, _Object] = {}
    for route in routes:
        item = paths.setdefault(path_template(route.path), {})
        for method in filter(_METHODS.__contains__, route.operation.methods):
            item[method.lower()] = writer.describe_operation(route, method)
    # The fields of a query have become parameters.
    for query in filter(None, {operation.query for operation in operations}):
        del components[_name_of(schemas[query])]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "summary": summary,
            "description": _CONVENTIONS,
            "license": dict(terms),
        },
        "servers": [{"url": "/", "description": "The server that this comes from."}],
        "tags": [{"name": tag, "description": tags.get(tag, "")} for tag in {route.tag: None for route in routes}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": writer.describe_shared(),
            "headers": {name: dict(header) for name, header in HEADERS.items()},
            "securitySchemes": {name: dict(scheme) for name, scheme in security.items()},
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


def _describe_type(kind: type) -> _Object:
    """The schema of a type that msgspec does not know."""
    if kind is Secret:
        return {"type": "string", "format": "password"}
    raise NotImplementedError


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
    :ivar security: names of the kinds of credentials, any of which will do.
    """

    schemas: Mapping[type[Any], _Object]
    components: Mapping[str, _Object]
    media_type: str
    security: tuple[str, ...]

    def describe_operation(self, route: DescribedRoute, method: str) -> _Object:
        operation = route.operation
        name = f"{route.tag}_{operation.name}"
        described: _Object = {
            "operationId": name if len(operation.methods) == 1 else f"{name}_{method.lower()}",
            "tags": [route.tag],
            "summary": operation.summary,
            "responses": self._describe_responses(route),
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
            # In HTTP no body and an empty one are the same, but generated clients leave out what need not be there.
            content = {media: {"schema": dict(operation.body_schema or BINARY)} for media in operation.body_media}
            described["requestBody"] = {"required": True, "content": content}
        described["security"] = self._list_security(operation)
        return described

    def _list_security(self, operation: Operation) -> list[_Object]:
        keys: list[_Object] = [{name: []} for name in self.security]
        if operation.scope is not None:
            return keys
        # Where there is a 401 all the same, the handler itself asks for a key, when it wants one.
        return [{}, *keys] if HTTPStatus.UNAUTHORIZED in operation.errors else []

    def describe_shared(self) -> _Object:
        """The refusals that operations refer to."""
        return {
            shared.name: self._describe_response(status, [shared.text], self._refusals, {})
            for status, shared in SHARED.items()
        }

    @property
    def _refusals(self) -> list[tuple[str, _Object]]:
        return [(self.media_type, self.schemas[ErrorMessage]), (PROBLEM, self.schemas[Problem])]

    def _describe_responses(self, route: DescribedRoute) -> _Object:
        operation = route.operation
        own = [(media, dict(schema or BINARY)) for media, schema in route.errors.items()]
        answers = {operation.status: HTTPStatus(operation.status).phrase, **operation.answers}
        refusals = refusals_of(operation)
        described: dict[str, _Object] = {}
        for status in sorted({*answers, *refusals}):
            shared = SHARED.get(status)
            if not own and status not in answers and shared is not None and refusals[status] == shared.text:
                described[str(status)] = {"$ref": f"#/components/responses/{shared.name}"}
                continue
            texts, contents = [], []
            if status in answers:
                texts.append(answers[status])
                contents += [] if status in NO_BODY_CODES else self._list_contents(operation)
            if status in refusals:
                texts.append(refusals[status])
                contents += own or self._refusals
            fields = operation.response_headers.get(status, {})
            described[str(status)] = self._describe_response(status, texts, contents, fields)
        return described

    def _list_contents(self, operation: Operation) -> list[tuple[str, _Object]]:
        # Generators of clients that take one type only take the first.
        return [
            *((self.media_type, self.schemas[kind]) for kind in answer_types(operation)),
            *((media, dict(schema or BINARY)) for media, schema in operation.produces.items()),
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
    for name, said in operation.headers.items():
        field = said if isinstance(said, HeaderField) else HeaderField(text=said, schema={"type": "string"})
        schema = dict(field.schema)
        yield {"name": name, "in": "header", "required": False, "description": field.text, "schema": schema}
