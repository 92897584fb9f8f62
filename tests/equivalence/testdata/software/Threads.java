import java.io.*;
import java.net.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

/** Threads, locks, a server, and child processes. */
public class Threads {
	static int guarded;

	static synchronized void add() { guarded++; }

	static long primes(int limit) {
		return IntStream.range(2, limit).parallel().filter(n -> IntStream.rangeClosed(2, (int) Math.sqrt(n)).allMatch(d -> n % d != 0)).count();
	}

	static int serve(int count) throws Exception {
		try (ServerSocket s = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
			Thread t = new Thread(() -> {
				try (Socket c = s.accept(); BufferedReader in = new BufferedReader(new InputStreamReader(c.getInputStream())); PrintWriter out = new PrintWriter(c.getOutputStream(), true)) {
					for (String line; (line = in.readLine()) != null; ) out.println(line.toUpperCase());
				} catch (IOException e) {
					System.out.println(e);
				}
			});
			t.start();
			int right = 0;
			try (Socket c = new Socket(s.getInetAddress(), s.getLocalPort()); BufferedReader in = new BufferedReader(new InputStreamReader(c.getInputStream())); PrintWriter out = new PrintWriter(c.getOutputStream(), true)) {
				for (int i = 0; i < count; i++) {
					out.println("line " + i);
					if (in.readLine().equals("LINE " + i)) right++;
				}
			}
			t.join();
			return right;
		}
	}

	public static void main(String[] args) throws Exception {
		int scale = Integer.parseInt(args[0]);
		ExecutorService pool = Executors.newFixedThreadPool(6);
		AtomicLong sum = new AtomicLong();
		List<Future<Integer>> all = new ArrayList<>();
		for (int i = 0; i < 24; i++) {
			int n = i;
			all.add(pool.submit(() -> {
				for (int k = 0; k < 2000 * scale; k++) { sum.addAndGet(k); add(); }
				return n * n;
			}));
		}
		for (Future<Integer> f : all) System.out.print(f.get() + " ");
		pool.shutdown();
		System.out.println(pool.awaitTermination(60, TimeUnit.SECONDS) + " " + sum + " " + guarded);
		System.out.println(primes(20000 * scale));
		System.out.println(serve(100 * scale));
		Process p = new ProcessBuilder("sh", "-c", "cat; exit 3").redirectErrorStream(true).start();
		try (OutputStream o = p.getOutputStream()) { o.write("to the child\n".getBytes()); }
		System.out.print(new String(p.getInputStream().readAllBytes()));
		System.out.println(p.waitFor());
		byte[] data = new byte[1 << 20];
		new Random(1).nextBytes(data);
		Files.write(Path.of("data"), data);
		System.out.println(Arrays.hashCode(Files.readAllBytes(Path.of("data"))));
		List<byte[]> garbage = new ArrayList<>();
		for (int i = 0; i < 2000 * scale; i++) { garbage.add(new byte[20000]); if (garbage.size() > 500) garbage.clear(); }
		System.gc();
		try {
			Object o = null;
			o.hashCode();
		} catch (NullPointerException e) {
			System.out.println("null");
		}
		Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
		System.exit(4);
	}
}
