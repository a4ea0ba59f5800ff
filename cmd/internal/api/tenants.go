package api

import (
	"cmp"
	"slices"

	"github.com/quittance/quittance/compaction"
	"github.com/quittance/quittance/quoting"
	"github.com/quittance/quittance/quoting/access"
)

// TenantBody is what the platform says of a tenant.
type TenantBody struct {
	ID           string      `json:"id" pattern:"^[a-z0-9][a-z0-9-]{0,62}$" maxLength:"63" doc:"It is part of every key, and never changes." example:"acme"`
	Name         string      `json:"name" minLength:"1" maxLength:"200" pattern:"\\S" example:"Acme Plumbing"`
	TimeZone     string      `json:"time_zone,omitempty" maxLength:"100" doc:"A zone of the IANA database, of the tenant's dates; UTC unless given." example:"Europe/Berlin"`
	PlatformFee  decimalText `json:"platform_fee,omitempty" doc:"What the platform takes of each payment, in percent." example:"2.5"`
	PaymentDays  *int        `json:"payment_days,omitempty" nullable:"false" minimum:"0" maximum:"3650" doc:"From an invoice's issue to its due date: 0 is due at once, 14 unless given."`
	ValidityDays int         `json:"validity_days,omitempty" minimum:"1" maximum:"3650" doc:"Of a quote that does not say; 30 unless given."`
}

type tenantRecord struct {
	TenantBody
	Created moment `json:"created"`
	Updated moment `json:"updated"`
}

type newTenant struct {
	Tenant tenantRecord `json:"tenant"`
	Keys   []apiKey     `json:"keys" doc:"The tenant's first keys, one for each role it has."`
}

type tenantUpdate struct {
	Name         string      `json:"name" minLength:"1" maxLength:"200" pattern:"\\S" example:"Acme Plumbing"`
	TimeZone     string      `json:"time_zone,omitempty" maxLength:"100" example:"Europe/Berlin"`
	PlatformFee  decimalText `json:"platform_fee,omitempty" example:"2.5"`
	PaymentDays  *int        `json:"payment_days,omitempty" nullable:"false" minimum:"0" maximum:"3650" doc:"0 is due at once, 14 unless given."`
	ValidityDays int         `json:"validity_days,omitempty" minimum:"1" maximum:"3650" doc:"Of a quote that does not say; 30 unless given."`
}

// TenantPath names a tenant in the path.
type TenantPath struct {
	ID string `path:"id" pattern:"^[a-z0-9][a-z0-9-]{0,62}$" maxLength:"63" example:"acme" doc:"The tenant's id."`
}

func (a *API) registerTenants() {
	const tag = "Tenants and keys"
	mutation[struct{ Body TenantBody }, newTenant](a, route{
		id: "create-tenant", path: "/v1/tenants", tag: tag, roles: platform, status: 201,
		namesTenant: true,
		summary:     "Create a tenant",
		description: "Makes a trade business and its first keys, whose secrets are in this answer and " +
			"nowhere else.",
		example: `{"id":"acme","name":"Acme Plumbing","time_zone":"Europe/Berlin"}`,
	}, createTenant)
	query[Paging](a, route{
		id: "list-tenants", path: "/v1/tenants", tag: tag, roles: platform, parts: true,
		summary: "List tenants", description: "Every tenant, by id.",
	}, listTenants)
	query[TenantPath](a, route{
		id: "get-tenant", path: "/v1/tenants/{id}", tag: tag, roles: anyKey, namesTenant: true,
		summary: "Get a tenant", description: "A tenant: one's own, or for the platform any.",
	}, func(x *exchange, in *TenantPath) (tenantRecord, error) {
		if err := x.concerns(in.ID); err != nil {
			return tenantRecord{}, err
		}
		t, err := find(x, in.ID, func(s compaction.State, tenant, _ string) (quoting.Tenant, error) {
			return quoting.FindTenant(s, tenant)
		})
		return showTenant(t), err
	})
	mutation[struct {
		TenantPath
		Body tenantUpdate
	}, tenantRecord](a, route{
		id: "put-tenant", method: "PUT", path: "/v1/tenants/{id}", tag: tag, roles: platform,
		namesTenant: true,
		summary:     "Change a tenant", description: "Replaces what is stored of a tenant.",
		example: `{"name":"Acme Plumbing and Heating","payment_days":30}`,
	}, updateTenant)
}

// concerns turns the request to the tenant that its path names.
func (x *exchange) concerns(tenant string) error {
	switch {
	case tenant == x.tenant:
		return nil
	case x.caller.role == platform, x.caller.role == finance && x.caller.home == x.api.platform:
		return x.turn(tenant)
	}
	return errTenant
}

// tenantExists refuses an id that no tenant has.
func (a *API) tenantExists(tenant string) error {
	return a.shards.Read(tenant, func(v *compaction.View) error {
		_, ok, err := quoting.Tenants.Get(v, tenant)
		if err == nil && !ok {
			err = errTenant
		}
		return err
	})
}

func createTenant(x *exchange, in *struct{ Body TenantBody }) (change, error) {
	b := &in.Body
	t, err := tenantOf(b)
	if err != nil {
		return change{}, err
	}
	keys := make([]access.Key, 2)
	texts := make([]string, 2)
	for i, role := range []access.Role{access.Tradesperson, access.Finance} {
		keys[i], texts[i], err = access.NewKey(b.ID, "first "+role.String(), role, x.api.clock())
		if err != nil {
			return change{}, err
		}
	}
	return change{tenant: b.ID, decide: func(tx *compaction.Tx) (result, error) {
		t, err := quoting.CreateTenant(tx, t)
		if ofType[*quoting.ExistsError](err) {
			err = at("id", err)
		}
		if err != nil {
			return result{}, err
		}
		out, kept := newTenant{Tenant: showTenant(t)}, newTenant{Tenant: showTenant(t)}
		for i, k := range keys {
			access.PutKey(tx, k)
			out.Keys = append(out.Keys, showKey(k, texts[i]))
			kept.Keys = append(kept.Keys, showKey(k, givenOnce))
		}
		return result{body: out, record: kept, location: "/v1/tenants/" + t.ID}, nil
	}}, nil
}

func tenantOf(b *TenantBody) (quoting.Tenant, error) {
	t := quoting.Tenant{ID: b.ID, Name: b.Name, TimeZone: b.TimeZone,
		ValidityDays: b.ValidityDays}
	if b.PaymentDays != nil {
		t.PaymentDays, t.DueAtOnce = *b.PaymentDays, *b.PaymentDays == 0
	}
	if b.PlatformFee == "" {
		return t, nil
	}
	var err error
	t.PlatformFee, err = quoting.ParseDecimal("platform_fee", string(b.PlatformFee))
	return t, err
}

func updateTenant(x *exchange, in *struct {
	TenantPath
	Body tenantUpdate
}) (change, error) {
	if err := x.concerns(in.ID); err != nil {
		return change{}, err
	}
	b := in.Body
	t, err := tenantOf(&TenantBody{in.ID, b.Name, b.TimeZone, b.PlatformFee, b.PaymentDays,
		b.ValidityDays})
	if err != nil {
		return change{}, err
	}
	return change{decide: func(tx *compaction.Tx) (result, error) {
		t, err := quoting.UpdateTenant(tx, t)
		return result{body: showTenant(t)}, err
	}}, nil
}

// listTenants merges the pages of all shards, wherever they are served: a tenant's record lies in
// its own.
func listTenants(x *exchange, in *Paging) (page[tenantRecord], error) {
	p := in.of("")
	s, err := x.scope()
	if err != nil {
		return page[tenantRecord]{}, err
	}
	var rows []compaction.Row[quoting.Tenant]
	err = s.each(x, func(v *compaction.View) error {
		found, err := quoting.Tenants.Scan(v, p)
		rows = append(rows, found...)
		return err
	})
	if err != nil {
		return page[tenantRecord]{}, err
	}
	slices.SortFunc(rows, func(a, b compaction.Row[quoting.Tenant]) int {
		return cmp.Compare(a.Cursor, b.Cursor)
	})
	parts, err := gather[page[tenantRecord]](x, s)
	if err != nil {
		return page[tenantRecord]{}, err
	}
	return mergeTenants(append(parts, pageOf(p, rows, showTenant)), in.Limit), nil
}

// mergeTenants makes one page of those of several nodes. A tenant's place is its id.
func mergeTenants(parts []page[tenantRecord], limit int) page[tenantRecord] {
	if len(parts) == 1 {
		return parts[0]
	}
	all := page[tenantRecord]{Data: []tenantRecord{}}
	for _, p := range parts {
		all.Data = append(all.Data, p.Data...)
		all.HasMore = all.HasMore || p.HasMore
	}
	slices.SortFunc(all.Data, func(a, b tenantRecord) int { return cmp.Compare(a.ID, b.ID) })
	if len(all.Data) > limit {
		all.Data, all.HasMore = all.Data[:limit], true
	}
	if all.HasMore {
		all.NextCursor = all.Data[len(all.Data)-1].ID
	}
	return all
}

func showTenant(t quoting.Tenant) tenantRecord {
	var days *int
	if t.DueAtOnce || t.PaymentDays != 0 {
		days = &t.PaymentDays
	}
	return tenantRecord{
		TenantBody: TenantBody{t.ID, t.Name, t.TimeZone, decimalText(t.PlatformFee.String()),
			days, t.ValidityDays},
		Created: moment(t.Created), Updated: moment(t.Updated),
	}
}

// An apiKey as answers show it.
type apiKey struct {
	ID      string `json:"id" example:"key_01j9qz4m2n8r7t6v5w4x3y2z1a"`
	Name    string `json:"name" example:"till"`
	Role    string `json:"role" enum:"tradesperson,finance,platform"`
	Created moment `json:"created"`
	Revoked moment `json:"revoked,omitzero" doc:"When the key ended, if it did."`
	Secret  string `json:"secret,omitempty" doc:"What to send as the bearer token: given once, when the key is made." example:"qk_acme_…"`
	Note    string `json:"note,omitempty" doc:"Says that the secret was given before, in a repeated answer."`
}

type keyBody struct {
	Name string `json:"name" minLength:"1" maxLength:"100" pattern:"\\S" doc:"What a person calls it." example:"till"`
	Role string `json:"role" enum:"tradesperson,finance,platform" doc:"What its holder may do. Only the platform makes keys of the platform."`
}

// KeyPath names a key in the path.
type KeyPath struct {
	ID string `path:"id" pattern:"^key_[0-9a-z]{26}$" example:"key_01j9qz4m2n8r7t6v5w4x3y2z1a" doc:"The key's id."`
}

func (a *API) registerKeys() {
	const tag = "Tenants and keys"
	mutation[struct{ Body keyBody }, apiKey](a, route{
		id: "create-key", path: "/v1/keys", tag: tag, roles: sellers, status: 201,
		summary: "Create a key",
		description: "Makes an API key of the tenant. Its secret is in this answer and nowhere else: " +
			"only a hash of it is kept.",
		example: `{"name":"till","role":"tradesperson"}`,
	}, createKey)
	query[Paging](a, route{
		id: "list-keys", path: "/v1/keys", tag: tag, roles: sellers,
		summary: "List keys", description: "The tenant's keys, revoked ones too, without their secrets.",
	}, func(x *exchange, in *Paging) (page[apiKey], error) {
		return list(x, *in, access.Keys, func(k access.Key) apiKey { return showKey(k, "") })
	})
	mutation[KeyPath, apiKey](a, route{
		id: "revoke-key", path: "/v1/keys/{id}/revoke", tag: tag, roles: sellers,
		summary: "Revoke a key", description: "Ends a key for ever, at once.",
	}, func(x *exchange, in *KeyPath) (change, error) {
		tenant, id, by := x.tenant, in.ID, x.caller.role
		return change{decide: func(tx *compaction.Tx) (result, error) {
			k, err := access.RevokeKey(tx, tenant, id)
			if err == nil && k.Role == access.Platform && by != platform {
				err = &roleError{platform}
			}
			return result{body: showKey(k, "")}, err
		}}, nil
	})
}

func createKey(x *exchange, in *struct{ Body keyBody }) (change, error) {
	role, _ := access.ParseRole(in.Body.Role) // the description lists the roles
	if role == access.Platform && (x.caller.role != platform || x.tenant != x.api.platform) {
		return change{}, at("role", &roleError{platform})
	}
	k, text, err := access.NewKey(x.tenant, in.Body.Name, role, x.api.clock())
	if err != nil {
		return change{}, at("name", err) // the description knows the roles
	}
	return change{decide: func(tx *compaction.Tx) (result, error) {
		access.PutKey(tx, k)
		return result{body: showKey(k, text), record: showKey(k, givenOnce),
			location: "/v1/keys/" + k.ID}, nil
	}}, nil
}

// givenOnce stands in place of a secret that was given before.
const givenOnce = "the secret was given once, with the first answer to this request"

func showKey(k access.Key, secret string) apiKey {
	out := apiKey{ID: k.ID, Name: k.Name, Role: k.Role.String(), Created: moment(k.Created),
		Revoked: moment(k.Revoked)}
	if secret == givenOnce {
		out.Note = secret
	} else {
		out.Secret = secret
	}
	return out
}
