package main

import (
	"encoding/json"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
)

// accountsMsg is what accounts publishes.
type accountsMsg struct {
	AccountNumber int64  `json:"accountNumber"`
	Name          string `json:"name"`
	Email         string `json:"email"`
	MobileNumber  string `json:"mobileNumber"`
	OpenedAt      string `json:"openedAt"`
}

func email(account accountsMsg) accountsMsg { return account }

func sms(account accountsMsg) int64 { return account.AccountNumber }

// handle is email|sms; Watermill has no composition of its own. The router publishes what is returned and then acknowledges.
func handle(in *message.Message) ([]*message.Message, error) {
	var account accountsMsg
	if err := json.Unmarshal(in.Payload, &account); err != nil {
		return nil, err
	}
	number, err := json.Marshal(sms(email(account)))
	if err != nil {
		return nil, err
	}
	out := message.NewMessage(watermill.NewUUID(), number)
	out.Metadata = in.Metadata
	out.SetContext(in.Context())
	return []*message.Message{out}, nil
}
