package api

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"sync"

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

// describe adds the API's description and its reference. They are made from the operations when
// somebody first asks: making them takes 0.2 s, by which every server would start later.
func (a *API) describe(r chi.Router) {
	serve(r, "/openapi.json", a.made("application/openapi+json", a.OpenAPI))
	serve(r, "/openapi.yaml", a.made("application/openapi+yaml", a.huma.OpenAPI().YAML))
	serve(r, "/reference", a.made(typeHTML, func() ([]byte, error) {
		return rendered("reference.html", a.reference())
	}))
	serve(r, "/reference.css", a.made("text/css; charset=utf-8", func() ([]byte, error) {
		return pageFiles.ReadFile("pages/style.css")
	}))
}

const typeHTML = "text/html; charset=utf-8"

// made serves what is made once, at the first request.
func (a *API) made(contentType string, body func() ([]byte, error)) http.HandlerFunc {
	body = sync.OnceValues(body)
	return func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange)
		b, err := body()
		if err != nil {
			x.fail(fmt.Errorf("api: %s: %w", r.URL.Path, err))
			return
		}
		servePage(x, contentType, http.StatusOK, b)
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
	b, err := rendered(name, data)
	if err != nil {
		x.fail(fmt.Errorf("api: page %s: %w", name, err))
		return
	}
	servePage(x, typeHTML, http.StatusOK, b)
}

// rendered is a page made from its template.
func rendered(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	err := pageTemplates.ExecuteTemplate(&b, name, data)
	return b.Bytes(), err
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
