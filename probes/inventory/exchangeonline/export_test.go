package exchangeonline

import (
	"context"
	"time"
)

// SetSleep makes waits return at once.
func (c *Client) SetSleep(err error) {
	c.sleep = func(context.Context, time.Duration) error { return err }
}
