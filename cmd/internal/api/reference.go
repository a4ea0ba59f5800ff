package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// What the reference page shows, made from the OpenAPI description alone.
type (
	referencePage struct {
		Title, Version, Description string
		Groups                      []referenceGroup
		Schemas                     []referenceSchema
	}
	referenceGroup struct {
		Name       string
		Operations []referenceOperation
	}
	referenceOperation struct {
		ID, Method, Path, Summary, Description, Example string
		Parameters                                      []referenceField
		Body                                            string // the name of its schema
		Answers                                         []referenceAnswer
	}
	referenceAnswer struct{ Status, Description, Schema string }
	referenceSchema struct {
		Name   string
		Fields []referenceField
	}
	referenceField struct {
		Name, Type, Schema, Description, Limits string
		Required                                bool
	}
)

// reference returns the page of the API's operations.
func (a *API) reference() referencePage {
	o := a.huma.OpenAPI()
	p := referencePage{Title: o.Info.Title, Version: o.Info.Version, Description: o.Info.Description}
	for _, rt := range a.routes {
		op := operationOf(o.Paths[rt.path], rt.method)
		i := slices.IndexFunc(p.Groups, func(g referenceGroup) bool { return g.Name == rt.tag })
		if i < 0 {
			i = len(p.Groups)
			p.Groups = append(p.Groups, referenceGroup{Name: rt.tag})
		}
		p.Groups[i].Operations = append(p.Groups[i].Operations, referenceOf(rt, op))
	}
	schemas := o.Components.Schemas.Map()
	for _, name := range sortedKeys(schemas) {
		p.Schemas = append(p.Schemas, referenceSchema{name, fieldsOf(schemas[name])})
	}
	return p
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func referenceOf(rt *route, op *huma.Operation) referenceOperation {
	r := referenceOperation{ID: rt.id, Method: rt.method, Path: rt.path, Summary: op.Summary,
		Description: op.Description, Example: indented(rt.example)}
	for _, p := range op.Parameters {
		f := fieldOf(p.Name, p.Schema, p.Required)
		f.Type = p.In + ", " + f.Type
		if p.Description != "" {
			f.Description = p.Description
		}
		r.Parameters = append(r.Parameters, f)
	}
	if op.RequestBody != nil {
		for _, m := range op.RequestBody.Content {
			r.Body = schemaName(m.Schema)
		}
	}
	for _, status := range sortedKeys(op.Responses) {
		answer := referenceAnswer{Status: status, Description: op.Responses[status].Description}
		for _, m := range op.Responses[status].Content {
			answer.Schema = schemaName(m.Schema)
		}
		r.Answers = append(r.Answers, answer)
	}
	return r
}

func indented(text string) string {
	var b bytes.Buffer
	if text == "" || json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

func schemaName(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
}

func fieldsOf(s *huma.Schema) []referenceField {
	var fields []referenceField
	for _, name := range sortedKeys(s.Properties) {
		fields = append(fields, fieldOf(name, s.Properties[name], slices.Contains(s.Required, name)))
	}
	return fields
}

func fieldOf(name string, s *huma.Schema, required bool) referenceField {
	f := referenceField{Name: name, Required: required, Type: s.Type, Schema: schemaName(s),
		Description: s.Description}
	if s.Type == huma.TypeArray && s.Items != nil {
		f.Type, f.Schema = "list of "+s.Items.Type, schemaName(s.Items)
	}
	var limits []string
	add := func(what string, n *int) {
		if n != nil {
			limits = append(limits, what+" "+strconv.Itoa(*n))
		}
	}
	if len(s.Enum) > 0 {
		limits = append(limits, strings.Trim(fmt.Sprint(s.Enum), "[]"))
	}
	if s.Pattern != "" {
		limits = append(limits, s.Pattern)
	}
	if s.Format != "" {
		limits = append(limits, s.Format)
	}
	add("length from", s.MinLength)
	add("length to", s.MaxLength)
	add("elements from", s.MinItems)
	add("elements to", s.MaxItems)
	f.Limits = strings.Join(limits, "; ")
	return f
}
