package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// describe writes the routes as an OpenAPI 3.1 document.
func describe(routes []route) any {
	paths := map[string]map[string]any{}
	for _, r := range routes {
		path := strings.ReplaceAll(r.path, "...}", "}")
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path][strings.ToLower(r.method)] = r.operation()
	}
	return map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title":       "Suyuan",
			"version":     "1",
			"description": "A node of a product-traceability ledger. Fields may be added to answers, none is changed or removed.",
		},
		"paths": paths,
		"components": map[string]any{
			"securitySchemes": map[string]any{"token": map[string]any{"type": "http", "scheme": "bearer"}},
			"schemas":         map[string]any{"Problem": problemSchema()},
			"responses": map[string]any{"Problem": map[string]any{
				"description": "What is wrong, as RFC 9457 problem details. Decide by code.",
				"content":     map[string]any{typeProblem: map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/Problem"}}},
			}},
		},
	}
}

func problemSchema() any {
	text := map[string]any{"type": "string"}
	return map[string]any{
		"type":     "object",
		"required": []string{"type", "title", "status", "code"},
		"properties": map[string]any{
			"type": text, "title": text, "status": map[string]any{"type": "integer"}, "code": text,
			"detail": text, "field": text, "request_id": text, "records": map[string]any{"type": "array"},
		},
	}
}

// operation describes the route.
func (r route) operation() map[string]any {
	status := r.status
	if status == 0 {
		status = http.StatusOK
	}
	op := map[string]any{
		"summary": r.summary,
		"responses": map[string]any{
			strconv.Itoa(status): map[string]any{"description": http.StatusText(status), "content": contents(r.gives)},
			"default":            map[string]any{"$ref": "#/components/responses/Problem"},
		},
	}
	if params := r.params(); len(params) > 0 {
		op["parameters"] = params
	}
	if len(r.takes) > 0 {
		op["requestBody"] = map[string]any{"required": true, "content": contents(r.takes)}
	}
	if r.token {
		op["security"] = []any{map[string]any{}, map[string]any{"token": []string{}}} // a token or none
	}
	return op
}

func (r route) params() []any {
	var params []any
	text := map[string]any{"type": "string"}
	for _, m := range braces.FindAllStringSubmatch(r.path, -1) {
		params = append(params, map[string]any{"name": m[1], "in": "path", "required": true, "schema": text})
	}
	for _, q := range r.query {
		params = append(params, map[string]any{"name": q.name, "in": "query", "required": q.required, "description": q.about, "schema": text})
	}
	return params
}

func contents(types []string) map[string]any {
	content := map[string]any{}
	for _, t := range types {
		content[t] = map[string]any{}
	}
	return content
}

func (s *Server) getOpenAPI(c *fiber.Ctx) error {
	return sendWithTag(c, typeJSON, cacheHour, s.openapi.etag, s.openapi.data)
}
