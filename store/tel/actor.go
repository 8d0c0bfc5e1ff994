package tel

// Role is what a person or a program may be. A person has one role per account, or
// one on the whole platform (operator, or support of all accounts).
type Role string

// The roles.
const (
	RoleOperator Role = "operator" // runs the installation
	RoleAdmin    Role = "admin"    // of an account
	RoleSupport  Role = "support"  // of an account, or of all
	RoleMember   Role = "member"   // of an account, no admin privileges
)

// RoleBuyer is what an end user is: nobody has it, whoever comes through a purchase
// link or into a storefront acts in it. It is none of Roles.
const RoleBuyer Role = "buyer"

// Roles lists every Role.
func Roles() []Role { return []Role{RoleOperator, RoleAdmin, RoleSupport, RoleMember} }

// ParseRole reads a role's name.
func ParseRole(s string) (Role, error) {
	for _, r := range Roles() {
		if string(r) == s {
			return r, nil
		}
	}
	return "", Invalid("role", "%q is not a role: operator, admin, support or member.", s)
}

// ActorKind tells people from programs and from the house itself.
type ActorKind string

// The kinds of actor.
const (
	KindPerson ActorKind = "person"
	KindClient ActorKind = "client" // a program with credentials of an account
	KindSystem ActorKind = "system" // housekeeping and the command line
	KindLink   ActorKind = "link"   // an end user with a purchase link; ID is the link's
	KindShop   ActorKind = "shop"   // an end user in an account's storefront
)

// Actor is who asks, for every method of the store: never a value in a context, so
// that no door can forget it.
type Actor struct {
	Kind    ActorKind
	ID      string // the person's or client's id; for the system, which part of it
	Name    string // how to show them: an e-mail address, the client's or the part's name
	Role    Role
	Account AccountID // acting for; 0 is the whole platform
	Door    string    // "dashboard", "cli", "sweeper"
	Addr    string    // remote address, where there is one
}

// System is the house itself: it may do anything, and events name its part.
func System(part string) Actor {
	return Actor{Kind: KindSystem, ID: part, Name: part, Role: RoleOperator, Door: part}
}

// Action is one line of the table "who may what".
type Action string

// The actions.
const (
	ActSwitch           Action = "switch reservation on or off"
	ActLockSwitch       Action = "lock the switch"
	ActSetPolicy        Action = "set the hold policy"
	ActSeePolicy        Action = "see the hold policy"
	ActSearch           Action = "search"
	ActReserve          Action = "reserve"
	ActReadReservation  Action = "read a reservation by its id"
	ActListReservations Action = "list, report, export outstanding reservations"
	ActChangeHold       Action = "extend, drop, cancel by id"
	ActOrder            Action = "order"
	ActReadOrder        Action = "read an order by its id"
	ActListOrders       Action = "list orders and numbers in service"
	ActDisconnect       Action = "disconnect"
	ActLookUpTN         Action = "look up by number"
	ActManageInventory  Action = "import inventory, disable numbers"
	ActManageAccounts   Action = "see all accounts, create one"
	ActManagePeople     Action = "people of an account"
	ActManageClients    Action = "API clients of an account"
	ActRequireSecond    Action = "require a second factor of an account's people"
	ActManageEveryone   Action = "people of the whole platform"
	ActShareReservation Action = "make and revoke purchase links of a reservation"
	ActSetSelling       Action = "set how an account sells to end users"
	ActReadBuyer        Action = "read who bought"
	ActPurchase         Action = "complete the one purchase behind a link"
	ActShop             Action = "search and hold one number in a storefront"
	ActManageWebhooks   Action = "webhooks of an account"
	ActSeeReports       Action = "reports"
	ActReadEvents       Action = "read the audit trail"
	ActWatch            Action = "read the metrics"
)

// Reach is how far a role's permission goes.
type Reach int

// The reaches.
const (
	ReachNone Reach = iota
	ReachOwn        // the account acted for
	ReachAll        // every account
)

// grants is the one table of who may what (SEMANTICS.md); anything absent is
// refused. A support person of the whole platform has ReachOwn with account 0,
// which covers every account (see Actor.May).
var grants = map[Action]map[Role]Reach{
	ActSwitch:           {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActLockSwitch:       {RoleOperator: ReachAll},
	ActSetPolicy:        {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActSeePolicy:        {RoleOperator: ReachAll, RoleAdmin: ReachOwn, RoleSupport: ReachOwn},
	ActSearch:           {RoleOperator: ReachAll, RoleAdmin: ReachOwn, RoleSupport: ReachOwn, RoleMember: ReachOwn},
	ActReserve:          {RoleOperator: ReachAll, RoleAdmin: ReachOwn, RoleMember: ReachOwn},
	ActReadReservation:  {RoleOperator: ReachAll, RoleAdmin: ReachOwn, RoleSupport: ReachOwn, RoleMember: ReachOwn},
	ActListReservations: {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActChangeHold:       {RoleOperator: ReachAll, RoleAdmin: ReachOwn, RoleMember: ReachOwn},
	ActOrder:            {RoleOperator: ReachAll, RoleAdmin: ReachOwn, RoleMember: ReachOwn}, // a member only what it has the reservation id of
	ActReadOrder:        {RoleOperator: ReachAll, RoleAdmin: ReachOwn, RoleSupport: ReachOwn, RoleMember: ReachOwn},
	ActListOrders:       {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActDisconnect:       {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActLookUpTN:         {RoleOperator: ReachAll, RoleAdmin: ReachOwn, RoleSupport: ReachOwn},
	ActManageInventory:  {RoleOperator: ReachAll},
	ActManageAccounts:   {RoleOperator: ReachAll},
	ActManagePeople:     {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActManageClients:    {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActRequireSecond:    {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActManageEveryone:   {RoleOperator: ReachAll},
	ActShareReservation: {RoleOperator: ReachAll, RoleAdmin: ReachOwn, RoleMember: ReachOwn},
	ActSetSelling:       {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActReadBuyer:        {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActPurchase:         {RoleBuyer: ReachOwn}, // the one that Actor.ID names
	ActShop:             {RoleBuyer: ReachOwn},
	ActManageWebhooks:   {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActSeeReports:       {RoleOperator: ReachAll, RoleAdmin: ReachOwn},
	ActReadEvents:       {RoleOperator: ReachAll, RoleAdmin: ReachOwn, RoleSupport: ReachOwn}, // support only of one TN, reservation or order
	ActWatch:            {RoleOperator: ReachAll},
}

// Actions lists every Action, for tests and for the page that explains roles.
func Actions() []Action {
	return []Action{
		ActSwitch, ActLockSwitch, ActSetPolicy, ActSeePolicy, ActSearch, ActReserve,
		ActReadReservation, ActListReservations, ActChangeHold, ActOrder, ActReadOrder, ActListOrders,
		ActDisconnect, ActLookUpTN,
		ActManageInventory, ActManageAccounts, ActManagePeople, ActManageClients,
		ActRequireSecond, ActManageEveryone,
		ActShareReservation, ActSetSelling, ActReadBuyer, ActPurchase, ActShop,
		ActManageWebhooks,
		ActSeeReports, ActReadEvents, ActWatch,
	}
}

// Can tells whether the actor's role has the action at all, on whatever account.
func (a Actor) Can(act Action) bool { return grants[act][a.Role] != ReachNone }

// May tells whether the actor has the action on one account.
func (a Actor) May(act Action, account AccountID) bool {
	switch grants[act][a.Role] {
	case ReachAll:
		return true
	case ReachOwn:
		return a.covers(account)
	}
	return false
}

// covers tells whether an account is the actor's own, or one of all for support of
// the platform.
func (a Actor) covers(account AccountID) bool {
	return account != 0 && a.Account == account || a.Account == 0 && a.Role == RoleSupport
}

// Sees tells whether things of an account exist for the actor at all; what it does
// not see is answered as unknown. An end user sees what is behind the link or in the
// storefront, and no account.
func (a Actor) Sees(account AccountID) bool {
	return a.Role == RoleOperator || a.Role != RoleBuyer && a.covers(account)
}

// Require is May as an error: unknown for what the actor does not see, forbidden
// for what it sees and may not do.
func (a Actor) Require(act Action, account AccountID) error {
	switch {
	case a.May(act, account):
		return nil
	case !a.Sees(account):
		return NotFound()
	}
	return Forbidden(act)
}

// Forbidden is the refusal of an action to a role that does not have it.
func Forbidden(act Action) *Error {
	return Refuse(CodeForbidden, "Your role may not do this: %s.", act)
}
