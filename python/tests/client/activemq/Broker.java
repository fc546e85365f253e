import java.util.List;
import org.apache.activemq.broker.BrokerPlugin;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.security.AuthenticationUser;
import org.apache.activemq.security.SimpleAuthenticationPlugin;

/** ActiveMQ with STOMP alone: {@code Broker.java DATA_FOLDER PORT}. Says where it listens once it does. */
public class Broker {
    public static void main(String[] arguments) throws Exception {
        BrokerService broker = new BrokerService();
        broker.setUseJmx(false);
        broker.setPersistent(true);
        broker.setDataDirectory(arguments[0]);
        AuthenticationUser user = new AuthenticationUser("app", "se:cr@t", "users");
        broker.setPlugins(new BrokerPlugin[] {new SimpleAuthenticationPlugin(List.of(user))});
        var connector = broker.addConnector("stomp://127.0.0.1:" + arguments[1]);
        broker.start();
        broker.waitUntilStarted();
        System.out.println("STOMP " + connector.getConnectUri().getPort());
        broker.waitUntilStopped();
    }
}
