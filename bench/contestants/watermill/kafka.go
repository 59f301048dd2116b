package main

import (
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
)

func openKafka(settings settings, logger watermill.LoggerAdapter) (ends, error) {
	brokers := []string{settings.address}

	sending := kafka.DefaultSaramaSyncPublisherConfig()
	// The guarantee: by default the leader alone confirms.
	sending.Producer.RequiredAcks = sarama.WaitForAll
	if settings.tuned {
		// Sends of many goroutines gather in one request.
		sending.Producer.Flush.Frequency = 5 * time.Millisecond
		sending.ChannelBufferSize = window
	}
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{
		Brokers:               brokers,
		Marshaler:             keyed{},
		OverwriteSaramaConfig: sending,
	}, logger)
	if err != nil {
		return ends{}, err
	}

	receiving := kafka.DefaultSaramaSubscriberConfig()
	receiving.Consumer.Offsets.Initial = sarama.OffsetOldest
	var subscriber message.Subscriber
	if settings.tuned {
		receiving.ChannelBufferSize = window
		subscriber, err = newPipeline(brokers, settings.group, receiving, logger)
	} else {
		subscriber, err = kafka.NewSubscriber(kafka.SubscriberConfig{
			Brokers:               brokers,
			Unmarshaler:           keyed{},
			OverwriteSaramaConfig: receiving,
			ConsumerGroup:         settings.group,
		}, logger)
	}
	return ends{subscriber, publisher, 1}, err
}

// keyed passes the key of a record on, in the context of the message as Watermill's subscriber does.
type keyed struct{ kafka.DefaultMarshaler }

func (k keyed) Marshal(topic string, msg *message.Message) (*sarama.ProducerMessage, error) {
	record, err := k.DefaultMarshaler.Marshal(topic, msg)
	if err != nil {
		return nil, err
	}
	key, ok := kafka.MessageKeyFromCtx(msg.Context())
	if !ok {
		key, _ = msg.Context().Value(pipelined{}).([]byte)
	}
	if key != nil {
		record.Key = sarama.ByteEncoder(key)
	}
	return record, nil
}
