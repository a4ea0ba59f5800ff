package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// A route is one operation of the API: what its description says and the door enforces.
type route struct {
	id          string
	method      string
	path        string
	tag         string
	summary     string
	description string
	roles       roles
	status      int           // of success
	conflicts   bool          // a query that may answer 409; mutations may anyway
	limit       int64         // bytes of the body; 0 for none
	raw         int64         // bytes of a body that is taken as it is, not as JSON; 0 for none
	timeout     time.Duration // 0 for the usual
	example     string        // a body that is accepted
	mutation    bool
	namesTenant bool                       // whose records it is about is in the path or the body
	parts       bool                       // the owners of all shards have a part in the answer
	media       map[string]*huma.MediaType // of the answer, where it is not JSON alone

	// byHand answers a request faster than the description's own machinery would, or leaves it
	// alone by returning false. It must accept nothing that the machinery refuses, but that of a
	// list it may refuse the elements one by one.
	byHand func(x *exchange) bool

	metrics *routeMetrics
}

const (
	usualTimeout = 30 * time.Second
	bodyLimit    = 1 << 20
	batchLimit   = 4 << 20
	webhookLimit = 256 << 10
)

// bodyLimit is how many bytes of a body are read, 0 where none is looked at.
func (rt *route) bodyLimit() int64 {
	switch limit := max(rt.limit, rt.raw); {
	case limit == 0 && rt.mutation:
		return 1024 // of a body that must be empty
	default:
		return limit
	}
}

// query registers an operation that changes nothing. Its answer is an O. Where that is a page of a
// list, cursors are checked and made here.
func query[I, O any](a *API, rt route, f func(x *exchange, in *I) (O, error)) {
	if rt.method == "" {
		rt.method = http.MethodGet
	}
	register(a, rt, reflect.TypeFor[O](), func(x *exchange, in *I) {
		out, err := answerTo(x, in, f)
		if err != nil {
			x.fail(err)
			return
		}
		x.write(http.StatusOK, marshal(out))
	})
}

// answerTo returns the answer of a query.
func answerTo[I, O any](
	x *exchange, in *I, f func(x *exchange, in *I) (O, error),
) (out O, err error) {
	if p, ok := any(in).(paged); ok {
		if err := p.unseal(x); err != nil {
			return out, err
		}
	}
	if out, err = f(x, in); err != nil {
		return out, err
	}
	if p, ok := any(&out).(sealed); ok {
		p.seal(x)
	}
	return out, nil
}

// mutation registers an operation that changes something: f prepares the command, whose answer is
// an O.
func mutation[I, O any](a *API, rt route, f func(x *exchange, in *I) (change, error)) {
	if rt.method == "" {
		rt.method = http.MethodPost
	}
	rt.mutation = true
	register(a, rt, reflect.TypeFor[O](), func(x *exchange, in *I) {
		c, err := f(x, in)
		if err != nil {
			x.fail(err)
			return
		}
		x.do(c)
	})
}

// stream registers an operation that writes its answer by itself. It returns an error only before
// it has written anything.
func stream[I, O any](a *API, rt route, f func(x *exchange, in *I) error) {
	register(a, rt, reflect.TypeFor[O](), func(x *exchange, in *I) {
		if err := f(x, in); err != nil {
			x.fail(err)
		}
	})
}

// A reply is huma's output: what it calls to have the answer written.
type reply struct {
	Body func(huma.Context)
}

func register[I any](a *API, rt route, answer reflect.Type, f func(x *exchange, in *I)) {
	if rt.status == 0 {
		rt.status = http.StatusOK
	}
	if rt.timeout == 0 {
		rt.timeout = usualTimeout
	}
	in := reflect.TypeFor[I]()
	if body, ok := in.FieldByName("Body"); ok && rt.limit == 0 && body.Type != nil {
		rt.limit = bodyLimit
	}
	a.routes = append(a.routes, &rt)
	rt.metrics = a.metrics.of(rt.method, rt.path)
	op := rt.operation(a, answer)
	huma.Register(a.huma, op, func(_ context.Context, in *I) (*reply, error) {
		return &reply{func(c huma.Context) {
			_, w := humachi.Unwrap(c)
			f(w.(*exchange), in)
		}}, nil
	})
	if rt.raw > 0 { // described only: the handler reads it as it is
		operationOf(a.huma.OpenAPI().Paths[rt.path], rt.method).RequestBody = &huma.RequestBody{
			Required: true, Content: map[string]*huma.MediaType{typeJSON[0]: {
				Schema: &huma.Schema{Description: "Whatever the gateway signs."}}}}
	}
	if rt.example != "" {
		media := a.huma.OpenAPI().Paths[rt.path]
		operationOf(media, rt.method).RequestBody.Content[typeJSON[0]].Example =
			json.RawMessage(rt.example)
	}
}

// operationOf returns a path's operation of a method.
func operationOf(p *huma.PathItem, method string) *huma.Operation {
	switch method {
	case http.MethodGet:
		return p.Get
	case http.MethodPut:
		return p.Put
	case http.MethodPatch:
		return p.Patch
	case http.MethodDelete:
		return p.Delete
	}
	return p.Post
}

// operation returns the route as its description says it.
func (rt *route) operation(a *API, answer reflect.Type) huma.Operation {
	op := huma.Operation{
		OperationID: rt.id, Method: rt.method, Path: rt.path, Tags: []string{rt.tag},
		Summary: rt.summary, Description: rt.description, DefaultStatus: rt.status,
		MaxBodyBytes: -1, BodyReadTimeout: -1, // the door reads bodies; 0 is five seconds for all
		Metadata:  map[string]any{"route": rt},
		Responses: map[string]*huma.Response{},
	}
	if rt.roles == nobody {
		op.Security = []map[string][]string{}
	} else {
		op.Security = []map[string][]string{{"key": {}}}
		op.Description += "\n\nRoles: " + strings.Join(rt.roles.names(), ", ") + "."
		if rt.roles&anyKey != 0 {
			op.Parameters = append(op.Parameters, tenantParameter)
		}
	}
	if rt.mutation {
		op.Parameters = append(op.Parameters, keyParameter)
	}
	rt.describeAnswers(a, &op, answer)
	return op
}

var (
	tenantParameter = &huma.Param{
		Name: tenantHeader, In: "header", Example: "acme",
		Description: "Whose records the request is about, where they are not those of the key's own " +
			"tenant: for keys of the platform, and for reading by the platform's finance.",
		Schema: &huma.Schema{Type: huma.TypeString, Pattern: tenantPattern},
	}
	keyParameter = &huma.Param{
		Name: keyHeader, In: "header", Example: "5f0c3a52-6a0e-4ab7-9b0f-0a4f7f0d3c11",
		Description: "A name for this request, of 1 to 255 visible ASCII characters. Whoever repeats " +
			"the request with it gets the first answer again, for 30 days. Without one the server " +
			"makes one and returns it.",
		Schema: &huma.Schema{Type: huma.TypeString, Pattern: "^[!-~]{1,255}$"},
	}
)

const tenantPattern = "^[a-z0-9][a-z0-9-]{0,62}$"

// describeAnswers lists every status that the operation may answer with.
func (rt *route) describeAnswers(a *API, op *huma.Operation, answer reflect.Type) {
	registry := a.huma.OpenAPI().Components.Schemas
	headers := map[string]*huma.Param{requestIDHeader: {
		Description: "The request's id.", Schema: &huma.Schema{Type: huma.TypeString}}}
	success := &huma.Response{Description: "Done.", Headers: headers}
	if answer.Kind() != reflect.Struct || answer.NumField() > 0 {
		schema := registry.Schema(answer, true, rt.id)
		success.Content = map[string]*huma.MediaType{"application/json": {Schema: schema}}
	}
	if rt.media != nil {
		success.Content = rt.media
	}
	if rt.mutation {
		success.Headers = map[string]*huma.Param{
			requestIDHeader: headers[requestIDHeader],
			keyHeader: {Description: "The request's key, made by the server if none was sent.",
				Schema: &huma.Schema{Type: huma.TypeString}},
			replayedHeader: {Description: "\"true\" on an answer that was given before.",
				Schema: &huma.Schema{Type: huma.TypeString}},
		}
	}
	op.Responses[strconv.Itoa(rt.status)] = success
	problem := registry.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for _, status := range rt.problems() {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status), Headers: headers,
			Content: map[string]*huma.MediaType{typeProblem[0]: {Schema: problem}},
		}
	}
}

// problems lists the statuses of the problems that the route may answer with.
func (rt *route) problems() []int {
	all := []int{400, 422, 500, 503}
	if rt.roles != nobody {
		all = append(all, 401, 403, 404, 429)
	} else if strings.Contains(rt.path, "{") {
		all = append(all, 404)
	}
	if rt.limit > 0 {
		all = append(all, 413, 415)
	}
	if rt.raw > 0 {
		all = append(all, 401, 413)
	}
	if rt.mutation {
		all = append(all, 409, 413, 415, 507)
	}
	if rt.conflicts {
		all = append(all, 409)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// An adapter registers huma's operations with the router, each behind the door.
type adapter struct {
	huma.Adapter
	a *API
}

// Handle registers an operation.
func (d *adapter) Handle(op *huma.Operation, handle func(huma.Context)) {
	rt, ok := op.Metadata["route"].(*route)
	if !ok {
		panic("api: an operation without a route: " + op.OperationID)
	}
	h := d.a.door(rt, func(w http.ResponseWriter, r *http.Request) {
		handle(humachi.NewContext(op, r, w))
	})
	d.a.router.MethodFunc(op.Method, op.Path, h)
	if rt.byHand != nil {
		d.a.direct[op.Path] = h
	}
}
