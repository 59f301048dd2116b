package main

import (
	"context"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
)

// window is how many messages of a partition are worked on at once.
const window = 2048

// pipeline is a subscriber that does not wait for the acknowledgement of a message before it gives out the next of the same
// partition, as Watermill's own does: offsets are marked in order, each behind all before it. The router runs a goroutine for
// each message, so that the outputs of a partition may come in another order than its inputs.
type pipeline struct {
	group  sarama.ConsumerGroup
	logger watermill.LoggerAdapter
	close  context.CancelFunc
	closed context.Context
	reads  sync.WaitGroup
}

func newPipeline(brokers []string, group string, config *sarama.Config, logger watermill.LoggerAdapter) (*pipeline, error) {
	joined, err := sarama.NewConsumerGroup(brokers, group, config)
	if err != nil {
		return nil, err
	}
	closed, close := context.WithCancel(context.Background())
	return &pipeline{group: joined, logger: logger, close: close, closed: closed}, nil
}

// Subscribe implements [message.Subscriber].
func (p *pipeline) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	out := make(chan *message.Message)
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(p.closed, cancel)
	p.reads.Go(func() {
		defer close(out)
		for ctx.Err() == nil {
			if err := p.group.Consume(ctx, []string{topic}, claims{out}); err != nil {
				p.logger.Error("consuming failed", err, nil)
				time.Sleep(time.Second)
			}
		}
	})
	return out, nil
}

// Close implements [message.Subscriber]; what has been marked is committed.
func (p *pipeline) Close() error {
	p.close()
	p.reads.Wait()
	return p.group.Close()
}

// pipelined is where the context of a message has the key of its record: only Watermill's own subscriber can use Watermill's.
type pipelined struct{}

// claims works on the partitions that the group gives to this process.
type claims struct{ out chan<- *message.Message }

func (claims) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (claims) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// flight is a record whose message has been given out.
type flight struct {
	record *sarama.ConsumerMessage
	msg    *message.Message
}

func (c claims) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	flights := make(chan flight, window)
	var settled sync.WaitGroup
	settled.Go(func() {
		for flight := range flights {
			if !c.settle(session, flight) {
				return
			}
		}
	})
	defer settled.Wait()
	defer close(flights)
	for record := range claim.Messages() {
		msg, err := keyed{}.Unmarshal(record)
		if err != nil {
			return err
		}
		msg.SetContext(context.WithValue(session.Context(), pipelined{}, record.Key))
		if !c.give(session, msg) {
			return nil
		}
		select {
		case flights <- flight{record, msg}:
		case <-session.Context().Done():
			return nil
		}
	}
	return nil
}

// give hands a message to the router, unless the session ends.
func (c claims) give(session sarama.ConsumerGroupSession, msg *message.Message) bool {
	select {
	case c.out <- msg:
		return true
	case <-session.Context().Done():
		return false
	}
}

// settle waits until the router has acknowledged a message, and gives it out again as often as it refuses.
func (c claims) settle(session sarama.ConsumerGroupSession, flight flight) bool {
	for {
		select {
		case <-flight.msg.Acked():
			session.MarkMessage(flight.record, "")
			return true
		case <-flight.msg.Nacked():
			time.Sleep(100 * time.Millisecond)
			again := flight.msg.Copy()
			again.SetContext(flight.msg.Context())
			flight.msg = again
			if !c.give(session, again) {
				return false
			}
		case <-session.Context().Done():
			return false
		}
	}
}
