package bench;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;

/** The functions of the story, all messages of a poll in one call. */
@Configuration(proxyBeanMethods = false)
@Profile("tuned & !http")
class BatchFunctions {

    /** As <code>KafkaHeaders</code> calls them: a list with the key of each record, and the key that is sent. */
    private static final String RECEIVED_KEYS = "kafka_receivedMessageKey";
    private static final String KEY = "kafka_messageKey";

    @Bean
    Function<Message<List<AccountsMsg>>, Message<List<AccountsMsg>>> email() {
        return accounts -> accounts;
    }

    @Bean
    Function<Message<List<AccountsMsg>>, List<Message<Long>>> sms() {
        return accounts -> {
            List<?> keys = accounts.getHeaders().get(RECEIVED_KEYS, List.class);
            List<Message<Long>> numbers = new ArrayList<>(accounts.getPayload().size());
            for (AccountsMsg account : accounts.getPayload()) {
                Object key = keys == null ? null : keys.get(numbers.size());
                numbers.add(MessageBuilder.withPayload(account.accountNumber()).setHeader(KEY, key).build());
            }
            return numbers;
        };
    }
}
