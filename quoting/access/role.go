package access

// A Role says what the holder of a key may do. The zero Role may do nothing.
type Role uint8

// The roles that keys have. Customers have none: they come by links.
const (
	Tradesperson Role = iota + 1 // the tenant's own documents and payments
	Finance                      // reads and reconciles
	Platform                     // runs the marketplace
	roleEnd
)

var roleNames = [...]string{"", "tradesperson", "finance", "platform"}

// String returns the role's name, empty for none.
func (r Role) String() string {
	if r >= roleEnd {
		return ""
	}
	return roleNames[r]
}

// ParseRole returns the role of a name, and whether there is one.
func ParseRole(name string) (Role, bool) {
	for r := Tradesperson; r < roleEnd; r++ {
		if roleNames[r] == name {
			return r, true
		}
	}
	return 0, false
}
