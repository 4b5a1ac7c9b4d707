"""The OpenAPI 3.1 description, made of what the decorators noted and what the handlers' types say."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, get_args, get_origin, get_type_hints

import attrs
import msgspec
from attrs import frozen

from cloudsvc.web.operations import Operation
from cloudsvc.web.resources import VARIABLE, path_template
from cloudsvc.web.responses import ErrorMessage, Message

_REFERENCE: Final = "#/components/schemas/{name}"
_CONVERTERS: Final[Mapping[str, dict[str, Any]]] = {
    "int": {"type": "integer", "minimum": 0},
    "float": {"type": "number", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
}
_SECURITY: Final = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
_CONTENT_TYPE: Final = "application/json"


@frozen(kw_only=True)
class DescribedRoute:
    """One route for the description: what was noted of it, and the function that answers."""

    tag: str
    operation: Operation


def describe(routes: Iterable[DescribedRoute], *, title: str, version: str, summary: str) -> dict[str, Any]:
    """The OpenAPI document of ``routes`` as plain data."""
    routes = [route for route in routes if not route.operation.hidden]
    types: dict[type[Any], None] = {ErrorMessage: None}
    for route in routes:
        types.update(dict.fromkeys(_types_of(route.operation)))
    _, components = msgspec.json.schema_components(list(types), ref_template=_REFERENCE)
    for kind in types:
        _complete(components[kind.__name__], kind)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        item = paths.setdefault(path_template(route.operation.path), {})
        for method in route.operation.methods:
            item[method.lower()] = _describe_operation(route, method, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "summary": summary},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(components.items())), "securitySchemes": dict(_SECURITY)},
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


def _types_of(operation: Operation) -> list[type[Any]]:
    kinds: list[type[Any]] = list(answer_types(operation))
    if operation.body is not None:
        kinds.append(operation.body)
    if operation.query is not None:
        kinds.append(operation.query)
    return kinds


def _complete(schema: dict[str, Any], kind: type[Any]) -> None:
    schema["description"] = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    if issubclass(kind, Message):
        schema["properties"] = {
            "code": {"type": "integer", "description": "The HTTP status."},
            "message": schema["properties"].pop("message"),
            "timestamp": {"type": "string", "format": "date-time", "description": "UTC, six digits."},
            **schema["properties"],
        }
        schema["required"] = list(schema["properties"])
    else:
        schema["additionalProperties"] = False


def _describe_operation(route: DescribedRoute, method: str, components: Mapping[str, Any]) -> dict[str, Any]:
    operation = route.operation
    described: dict[str, Any] = {
        "operationId": operation.name if len(operation.methods) == 1 else f"{operation.name}_{method.lower()}",
        "tags": [route.tag],
        "summary": operation.summary,
        "responses": {
            str(operation.status): _describe_success(operation),
            **{str(status): _describe_error(text) for status, text in sorted(_errors_of(operation).items())},
        },
    }
    if operation.description:
        described["description"] = operation.description
    parameters = [*_path_parameters(operation), *_query_parameters(operation, components)]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {_CONTENT_TYPE: {"schema": {"$ref": _REFERENCE.format(name=operation.body.__name__)}}},
        }
    elif operation.body_media:
        described["requestBody"] = {"required": True, "content": {media: {} for media in operation.body_media}}
    if operation.scope is not None:
        described["security"] = [{name: []} for name in _SECURITY]
    return described


def _describe_success(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.produces:
        described["content"] = {media: {"schema": dict(schema)} for media, schema in operation.produces.items()}
        return described
    references = [{"$ref": _REFERENCE.format(name=kind.__name__)} for kind in answer_types(operation)]
    if references:
        schema = references[0] if len(references) == 1 else {"anyOf": references}
        described["content"] = {_CONTENT_TYPE: {"schema": schema}}
    return described


def _describe_error(text: str) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(name=ErrorMessage.__name__)}
    return {"description": text, "content": {_CONTENT_TYPE: {"schema": schema}}}


def _errors_of(operation: Operation) -> dict[int, str]:
    """Every status besides success: those of the channel, of the guards, of parsing, and the handler's own."""
    errors = {400: "The request is not well-formed, or a value does not fit."}
    if operation.scope is not None:
        errors[401] = "The API key is missing or invalid."
        errors[429] = "Too many requests, or too many wrong keys."
    if operation.scope:
        errors[403] = f"The key lacks the scope `{operation.scope}`."
    if operation.throttle is not None:
        errors[429] = "Too many requests."
    if operation.body is not None or operation.body_media:
        errors[408] = "The body arrived too slowly."
        errors[413] = "The body is too large."
    if operation.body is not None:
        errors[415] = "The body is not JSON."
    if operation.throttle is not None:
        errors[503] = "The storage of the rate limits is away, and the settings say to refuse."
    return {**errors, **operation.errors}


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": variable["name"],
            "in": "path",
            "required": True,
            "schema": _CONVERTERS.get(variable["converter"] or "", {"type": "string", "minLength": 1}),
        }
        for variable in VARIABLE.finditer(operation.path)
    ]


def _query_parameters(operation: Operation, components: Mapping[str, Any]) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = components[operation.query.__name__]
    return [
        {
            "name": field.name,
            "in": "query",
            "required": field.default is attrs.NOTHING,
            "schema": schema["properties"][field.name],
        }
        for field in attrs.fields(operation.query)
    ]
