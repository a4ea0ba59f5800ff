package api

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"

	"github.com/go-chi/chi/v5"
)

//go:embed pages
var pageFiles embed.FS

var pageTemplates = template.Must(template.New("").Funcs(template.FuncMap{
	"marked": marked,
}).ParseFS(pageFiles, "pages/*.html"))

// OpenAPI returns the API's description, as /openapi.json serves it.
func (a *API) OpenAPI() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(a.huma.OpenAPI())
	return b.Bytes(), err
}

// describe adds the API's description and its reference, made once from the operations.
func (a *API) describe(r chi.Router) error {
	asJSON, err := a.OpenAPI()
	if err != nil {
		return fmt.Errorf("api: description: %w", err)
	}
	asYAML, err := a.huma.OpenAPI().YAML()
	if err != nil {
		return fmt.Errorf("api: description: %w", err)
	}
	var page bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&page, "reference.html", a.reference()); err != nil {
		return fmt.Errorf("api: reference: %w", err)
	}
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return fmt.Errorf("api: reference: %w", err)
	}
	r.Get("/openapi.json", a.whole("application/openapi+json", asJSON))
	r.Get("/openapi.yaml", a.whole("application/openapi+yaml", asYAML))
	r.Get("/reference", a.whole(typeHTML, page.Bytes()))
	r.Get("/reference.css", a.whole("text/css; charset=utf-8", style))
	return nil
}

const typeHTML = "text/html; charset=utf-8"

// whole serves what is made already.
func (a *API) whole(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		servePage(w.(*exchange), contentType, http.StatusOK, body)
	}
}

// servePage writes a page that may load nothing but our own style sheet.
func servePage(x *exchange, contentType string, status int, body []byte) {
	h := x.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "+
			"frame-ancestors 'none'")
	x.WriteHeader(status)
	if _, err := x.Write(body); err != nil {
		x.api.logger.Debug("an answer was not taken", "request", x.id, "error", err)
	}
}

// problemPage explains one kind of problem.
func (a *API) problemPage(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)
	slug := chi.URLParam(r, "slug")
	for i := range kinds {
		if kinds[i].slug == slug {
			a.page(x, "problem.html", &kinds[i])
			return
		}
	}
	x.fail(errRoute)
}

// problemIndex lists every kind of problem.
func (a *API) problemIndex(w http.ResponseWriter, _ *http.Request) {
	a.page(w.(*exchange), "problems.html", kinds)
}

func (a *API) page(x *exchange, name string, data any) {
	var b bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&b, name, data); err != nil {
		x.fail(fmt.Errorf("api: page %s: %w", name, err))
		return
	}
	servePage(x, typeHTML, http.StatusOK, b.Bytes())
}

// What the pages ask of a kind.

// Slug names the kind.
func (k *kind) Slug() string { return k.slug }

// Status is the HTTP status of the kind's answers.
func (k *kind) Status() string { return fmt.Sprintf("%d %s", k.status, http.StatusText(k.status)) }

// Title says what went wrong.
func (k *kind) Title() string { return k.title }

// Help says what to do about it.
func (k *kind) Help() string { return k.help }

// marked turns the little Markdown of descriptions into HTML: paragraphs, and code in back quotes.
func marked(text string) template.HTML {
	var b bytes.Buffer
	code := false
	b.WriteString("<p>")
	for i, r := range text {
		switch {
		case r == '`':
			b.WriteString(map[bool]string{false: "<code>", true: "</code>"}[code])
			code = !code
		case r == '\n' && i+1 < len(text) && text[i+1] == '\n':
			b.WriteString("</p><p>")
		default:
			template.HTMLEscape(&b, []byte(string(r)))
		}
	}
	b.WriteString("</p>")
	return template.HTML(b.String())
}
