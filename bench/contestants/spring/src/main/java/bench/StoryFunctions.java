package bench;

import java.util.function.Function;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;

/** The functions of the story, one message a call. */
@Configuration(proxyBeanMethods = false)
@Profile("http | !tuned")
class StoryFunctions {

    @Bean
    Function<AccountsMsg, AccountsMsg> email() {
        return account -> account;
    }

    @Bean
    Function<AccountsMsg, Long> sms() {
        return AccountsMsg::accountNumber;
    }
}
