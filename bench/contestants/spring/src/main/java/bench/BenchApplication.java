package bench;

import java.util.function.Function;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** The two functions of the story; what they are bound to is configuration. */
@SpringBootApplication
public class BenchApplication {

    public static void main(String[] args) {
        SpringApplication.run(BenchApplication.class, args);
    }

    @Bean
    Function<AccountsMsg, AccountsMsg> email() {
        return account -> account;
    }

    @Bean
    Function<AccountsMsg, Long> sms() {
        return AccountsMsg::accountNumber;
    }
}
