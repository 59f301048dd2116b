package bench;

import org.springframework.cloud.stream.config.ProducerMessageHandlerCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.integration.amqp.outbound.AmqpOutboundEndpoint;

/**
 * Makes each publish wait until the broker has confirmed it, so that an input is acknowledged behind its output only. There is no
 * property for it: with <code>publisher-confirm-type</code> alone a publish returns at once, and what the broker refuses is told to
 * an error channel after the input has been acknowledged.
 */
@Configuration(proxyBeanMethods = false)
@Profile("!tuned")
class Confirms {

    @Bean
    ProducerMessageHandlerCustomizer<AmqpOutboundEndpoint> waitForConfirm() {
        return (endpoint, destination) -> endpoint.setWaitForConfirm(true);
    }
}
