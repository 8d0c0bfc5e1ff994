package web

import (
	"net/http"
	"net/url"

	"tnreserve/store"
	"tnreserve/store/tel"
	"tnreserve/views"
)

// webhooksHere reads the account of this address, for those who manage its webhooks.
func (v *visit) webhooksHere() (*tel.Account, error) {
	a, err := v.accountHere()
	if err != nil {
		return nil, err
	}
	return a, v.actor.Require(tel.ActManageWebhooks, a.ID)
}

func webhooksAt(a *tel.Account) string { return "/accounts/" + a.ID.String() + "/webhooks" }

func endpointAt(a *tel.Account, e *tel.Endpoint) string { return webhooksAt(a) + "/" + e.ID }

func (v *visit) webhooks() error {
	a, err := v.webhooksHere()
	if err != nil {
		return err
	}
	return v.webhookList(http.StatusOK, a, views.EndpointForm{}, views.NewNoticeForm(a.ExpiringNotice), nil)
}

func (v *visit) webhookList(status int, a *tel.Account, form views.EndpointForm, notice views.NoticeForm, made *views.EndpointSecret) error {
	list, err := v.store.Endpoints(v.r.Context(), v.actor, a.ID)
	if err != nil {
		return err
	}
	key, err := v.store.WebhookPublicKey(v.r.Context())
	if err != nil {
		return err
	}
	return v.render(status, views.WebhooksPage(v.shell(), views.Webhooks{
		Account: *a, Endpoints: list, Operator: v.actor.Can(tel.ActManageAccounts), Form: form, Notice: notice, Made: made, PublicKey: key,
	}))
}

// endpointForm reads what was typed for an endpoint. No event at all is a mistake, not
// all of them.
func (v *visit) endpointForm() (views.EndpointForm, error) {
	form := views.EndpointForm{URL: v.form("url")}
	for _, e := range v.r.PostForm["event"] {
		form.Events = append(form.Events, tel.WebhookEvent(e))
	}
	if len(form.Events) == 0 {
		return form, tel.Invalid("events", "Choose at least one event.")
	}
	return form, nil
}

// createEndpoint answers with the secret itself: behind a redirect it would have to
// wait in a cookie, an address or a table.
func (v *visit) createEndpoint() error {
	a, err := v.webhooksHere()
	if err != nil {
		return err
	}
	form, err := v.endpointForm()
	var made *store.NewEndpointSecret
	if err == nil {
		made, err = v.store.CreateEndpoint(v.r.Context(), v.actor, tel.NewEndpoint{Account: a.ID, URL: form.URL, Events: form.Events})
	}
	if e, ok := refused(err); ok && e.Code == tel.CodeConflict {
		err = tel.Invalid("account", "%s", e)
	}
	if faults, ok := v.fieldErrors(err); ok {
		form.Errors = faults
		return v.webhookList(http.StatusUnprocessableEntity, a, form, views.NewNoticeForm(a.ExpiringNotice), nil)
	}
	if err != nil {
		return err
	}
	return v.webhookList(http.StatusOK, a, views.EndpointForm{}, views.NewNoticeForm(a.ExpiringNotice), &views.EndpointSecret{URL: form.URL, Secret: made.Secret})
}

func (v *visit) setExpiringNotice() error {
	a, err := v.webhooksHere()
	if err != nil {
		return err
	}
	notice, err := tel.ParseDuration("notice", v.form("notice"))
	if err == nil {
		err = v.store.SetExpiringNotice(v.r.Context(), v.actor, a.ID, notice)
	}
	if faults, ok := v.fieldErrors(err); ok {
		return v.webhookList(http.StatusUnprocessableEntity, a, views.EndpointForm{}, views.NoticeForm{Value: v.form("notice"), Error: faults["notice"]}, nil)
	}
	if err != nil {
		return err
	}
	return v.done(webhooksAt(a), ok(v.t("The notice before expiry was saved.")))
}

// endpointHere reads the endpoint of this address, which must be the account's.
func (v *visit) endpointHere() (*tel.Account, *tel.Endpoint, error) {
	a, err := v.webhooksHere()
	if err != nil {
		return nil, nil, err
	}
	e, err := v.store.Endpoint(v.r.Context(), v.actor, v.r.PathValue("endpoint"))
	if err == nil && e.Account != a.ID {
		err = tel.NotFound()
	}
	return a, e, err
}

func (v *visit) endpoint() error {
	a, e, err := v.endpointHere()
	if err != nil {
		return err
	}
	return v.endpointPage(http.StatusOK, a, e, views.EndpointForm{URL: e.URL, Events: e.Events}, nil)
}

// endpointPage shows an endpoint and its log. Which deliveries are wanted is asked in the
// page's own address alone: what answers a form must not fail after it is done.
func (v *visit) endpointPage(status int, a *tel.Account, e *tel.Endpoint, form views.EndpointForm, made *views.EndpointSecret) error {
	q, path, values := store.DeliveryQuery{Endpoint: e.ID, Limit: listPage}, endpointAt(a, e), url.Values{}
	if v.r.Method != http.MethodPost {
		q.State, q.Cursor, values = tel.DeliveryState(v.query("state")), v.query("cursor"), v.r.URL.Query()
	}
	list, err := v.store.Deliveries(v.r.Context(), v.actor, q)
	if err != nil {
		return err
	}
	page := views.EndpointDetail{Account: *a, Endpoint: e, Form: form, Made: made, Deliveries: list.Rows, State: q.State, Self: with(path, values)}
	if list.Next != "" {
		page.Next = with(path, values, "cursor", list.Next)
	}
	if q.Cursor != "" {
		page.First = with(path, values, "cursor", "")
	}
	return v.render(status, views.EndpointPage(v.shell(), page))
}

func (v *visit) changeEndpoint() error {
	a, e, err := v.endpointHere()
	if err != nil {
		return err
	}
	form, err := v.endpointForm()
	if err == nil {
		err = v.store.ChangeEndpoint(v.r.Context(), v.actor, e.ID, form.URL, form.Events)
	}
	if faults, ok := v.fieldErrors(err); ok {
		form.Errors = faults
		return v.endpointPage(http.StatusUnprocessableEntity, a, e, form, nil)
	}
	return v.toEndpoint(a, e, err, v.t("The endpoint was saved."))
}

// toEndpoint tells what was done to an endpoint, or why not, on its page.
func (v *visit) toEndpoint(a *tel.Account, e *tel.Endpoint, err error, did string) error {
	if err != nil {
		return v.backWith(endpointAt(a, e), err)
	}
	return v.done(endpointAt(a, e), ok(did))
}

func (v *visit) pauseEndpoint() error {
	a, e, err := v.endpointHere()
	if err != nil {
		return err
	}
	return v.toEndpoint(a, e, v.store.PauseEndpoint(v.r.Context(), v.actor, e.ID), v.t("The endpoint is paused; what happens waits."))
}

func (v *visit) resumeEndpoint() error {
	a, e, err := v.endpointHere()
	if err != nil {
		return err
	}
	return v.toEndpoint(a, e, v.store.ResumeEndpoint(v.r.Context(), v.actor, e.ID), v.t("The endpoint is told again; what waited goes out now."))
}

func (v *visit) testEndpoint() error {
	a, e, err := v.endpointHere()
	if err != nil {
		return err
	}
	delivery, err := v.store.TestEndpoint(v.r.Context(), v.actor, e.ID)
	if err != nil {
		return v.backWith(endpointAt(a, e), err)
	}
	return v.redirect(endpointAt(a, e) + "/deliveries/" + delivery)
}

func (v *visit) deleteEndpointPage() error {
	a, e, err := v.endpointHere()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.EndpointDeletePage(v.shell(), views.EndpointQuestion{Account: *a, Endpoint: e}))
}

func (v *visit) deleteEndpoint() error {
	a, e, err := v.endpointHere()
	if err != nil {
		return err
	}
	if err := v.store.DeleteEndpoint(v.r.Context(), v.actor, e.ID); err != nil {
		return v.backWith(endpointAt(a, e), err)
	}
	return v.done(webhooksAt(a), ok(v.t("The endpoint was deleted.")))
}

func (v *visit) rotateEndpointPage() error {
	a, e, err := v.endpointHere()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.EndpointRotatePage(v.shell(), views.EndpointQuestion{Account: *a, Endpoint: e}))
}

// rotateEndpoint answers with the new secret, as createEndpoint does. The form names
// the secret that it replaces: sent twice, or beside a colleague, it does nothing.
func (v *visit) rotateEndpoint() error {
	a, e, err := v.endpointHere()
	if err != nil {
		return err
	}
	if v.form("secret") != e.SecretHint {
		return v.done(endpointAt(a, e), views.Flash{Kind: views.FlashWarn, Text: v.t("The secret was replaced already; nothing was done now.")})
	}
	made, err := v.store.RotateEndpointSecret(v.r.Context(), v.actor, e.ID, e.SecretHint)
	if err != nil {
		return v.backWith(endpointAt(a, e), err)
	}
	return v.endpointPage(http.StatusOK, a, e, views.EndpointForm{URL: e.URL, Events: e.Events}, &views.EndpointSecret{URL: e.URL, Secret: made.Secret, Rotated: true})
}

// deliveryHere reads the delivery of this address, which must be the endpoint's.
func (v *visit) deliveryHere() (*tel.Account, *tel.Endpoint, *tel.Delivery, error) {
	a, e, err := v.endpointHere()
	if err != nil {
		return nil, nil, nil, err
	}
	d, err := v.store.Delivery(v.r.Context(), v.actor, v.r.PathValue("delivery"))
	if err == nil && d.Endpoint != e.ID {
		err = tel.NotFound()
	}
	return a, e, d, err
}

func (v *visit) delivery() error {
	a, e, d, err := v.deliveryHere()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, views.DeliveryPage(v.shell(), views.DeliveryDetail{Account: *a, Endpoint: e, Delivery: d, Self: v.self()}))
}

func (v *visit) redeliver() error {
	a, e, d, err := v.deliveryHere()
	if err != nil {
		return err
	}
	to := endpointAt(a, e) + "/deliveries/" + d.ID
	if err := v.store.Redeliver(v.r.Context(), v.actor, d.ID); err != nil {
		return v.backWith(to, err)
	}
	return v.done(to, ok(v.t("It goes out now.")))
}
