// The work of the story as an application of Watermill: a router with one handler between two topics.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
)

// settings is what the environment says; see ../README.md.
type settings struct {
	address, input, group, output string
	tuned                         bool
}

// ends is where a handler reads and writes, and how many of its kind run.
type ends struct {
	subscriber message.Subscriber
	publisher  message.Publisher
	handlers   int
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	warnings := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	logger := watermill.NewSlogLogger(warnings)
	told := settings{
		address: os.Getenv("BENCH_ADDRESS"),
		input:   os.Getenv("BENCH_INPUT"),
		group:   os.Getenv("BENCH_GROUP"),
		output:  os.Getenv("BENCH_OUTPUT"),
		tuned:   os.Getenv("BENCH_TUNED") == "true",
	}
	open := map[string]func(settings, watermill.LoggerAdapter) (ends, error){"kafka": openKafka, "rabbitmq": openRabbitMQ}
	work := os.Getenv("BENCH_WORK")
	if open[work] == nil {
		return fmt.Errorf("BENCH_WORK is %q, expected kafka or rabbitmq", work)
	}
	ends, err := open[work](told, logger)
	if err != nil {
		return err
	}

	router, err := message.NewRouter(message.RouterConfig{}, logger)
	if err != nil {
		return err
	}
	for number := range ends.handlers {
		name := "email|sms " + strconv.Itoa(number)
		router.AddHandler(name, told.input, ends.subscriber, told.output, ends.publisher, handle)
	}
	return router.Run(ctx)
}
