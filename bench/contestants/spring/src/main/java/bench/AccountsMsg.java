package bench;

/** What <em>accounts</em> publishes. */
public record AccountsMsg(long accountNumber, String name, String email, String mobileNumber, String openedAt) {
}
