package main

import (
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v3/pkg/amqp"
)

// consumers is how many consumers a tuned application has: each works on one message at a time.
const consumers = 64

func openRabbitMQ(settings settings, logger watermill.LoggerAdapter) (ends, error) {
	queue := func(topic string) string { return topic + "." + settings.group }
	config := amqp.NewDurablePubSubConfig(settings.address, queue)
	config.Exchange.Type = "topic"
	config.QueueBind.GenerateRoutingKey = func(string) string { return "#" }
	config.Publish.GenerateRoutingKey = func(topic string) string { return topic }
	// The guarantee: by default a publish does not wait for the broker.
	config.Publish.ConfirmDelivery = true

	handlers := 1
	if settings.tuned {
		handlers = consumers
		// By default each publish opens a channel and closes it.
		config.Publish.ChannelPoolSize = consumers
		config.Consume.Qos.PrefetchCount = 8
	}

	publisher, err := amqp.NewPublisher(config, logger)
	if err != nil {
		return ends{}, err
	}
	subscriber, err := amqp.NewSubscriber(config, logger)
	return ends{subscriber, publisher, handlers}, err
}
