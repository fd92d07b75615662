// Uses a node through the official Java client: writes, every kind of filter that it can say, patches,
// deletes, pages, text, metadata. Ends with an error at the first answer that is not what the rows say.
//   java -cp 'JARS/*' Script.java URL

import com.turbopuffer.client.TurbopufferClient;
import com.turbopuffer.client.okhttp.TurbopufferOkHttpClient;
import com.turbopuffer.core.JsonValue;
import com.turbopuffer.errors.BadRequestException;
import com.turbopuffer.errors.NotFoundException;
import com.turbopuffer.models.namespaces.AggregateBy;
import com.turbopuffer.models.namespaces.AttributeSchemaConfig;
import com.turbopuffer.models.namespaces.Columns;
import com.turbopuffer.models.namespaces.DistanceMetric;
import com.turbopuffer.models.namespaces.Filter;
import com.turbopuffer.models.namespaces.NamespaceQueryParams;
import com.turbopuffer.models.namespaces.NamespaceWriteParams;
import com.turbopuffer.models.namespaces.RankBy;
import com.turbopuffer.models.namespaces.RankByAttributeOrder;
import com.turbopuffer.models.namespaces.RankByText;
import com.turbopuffer.models.namespaces.Row;
import com.turbopuffer.models.namespaces.Schema;
import com.turbopuffer.services.blocking.NamespaceService;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** The script. */
public class Script {
    /** A filter with what it means for a row. */
    private record Case(String name, Filter filter, Predicate<Map<String, Object>> passes) {}

    private static final String[] WORDS = {"deep water", "shallow river", "high mountain", "quiet lake"};

    private final TurbopufferClient client;
    private final NamespaceService namespace;
    private List<Map<String, Object>> rows = new ArrayList<>();

    Script(String url) {
        client = TurbopufferOkHttpClient.builder().baseUrl(url).apiKey("none").build();
        namespace = client.namespace("java-" + ProcessHandle.current().pid());
        LongStream.rangeClosed(1, 80).forEach(id -> rows.add(row(id)));
    }

    public static void main(String[] arguments) {
        Script script = new Script(arguments[0]);
        script.write();
        int kinds = script.filters();
        script.ranks();
        script.pages();
        script.facts();
        script.changes();
        script.filters();
        script.namespace.deleteAll();
        script.expect(NotFoundException.class, script.namespace::metadata);
        script.client.close();
        System.out.println("ok Java client: " + kinds + " kinds of filters on " + script.rows.size() + " rows");
    }

    /** What row `id` holds. Every seventh row has no tags. */
    private static Map<String, Object> row(long id) {
        Map<String, Object> row = new java.util.LinkedHashMap<>();
        row.put("id", id);
        row.put("vector", List.of((float) id, 100f - id));
        row.put("name", "row-" + id);
        row.put("flag", id % 2 == 0);
        row.put("number", id % 10);
        row.put("text", WORDS[(int) (id % 4)]);
        if (id % 7 != 0) {
            row.put("tags", List.of("t" + id % 3, "u" + id % 4));
            row.put("scores", List.of(id % 5, id % 11));
        }
        return row;
    }

    private void write() {
        AttributeSchemaConfig text = AttributeSchemaConfig.builder()
            .type("string").fullTextSearch(true).filterable(true).build();
        var write = NamespaceWriteParams.builder()
            .distanceMetric(DistanceMetric.EUCLIDEAN_SQUARED)
            .schema(Schema.builder().put("text", text).build());
        rows.subList(0, 40).forEach(row -> write.addUpsertRow(Row.builder().putAll(row).build()));
        same("upserted", 40L, namespace.write(write.build()).rowsUpserted().orElse(-1L));

        var columns = Columns.builder();
        for (String name : List.of("id", "vector", "name", "flag", "number", "text", "tags", "scores")) {
            List<Object> values = new ArrayList<>();
            rows.subList(40, 80).forEach(row -> values.add(row.get(name)));
            columns.put(name, values);
        }
        namespace.write(NamespaceWriteParams.builder()
            .distanceMetric(DistanceMetric.EUCLIDEAN_SQUARED).upsertColumns(columns.build()).build());
    }

    private int filters() {
        List<Case> cases = List.of(
            new Case("Eq", Filter.eq("number", 3), row -> number(row) == 3),
            new Case("NotEq", Filter.notEq("number", 3), row -> number(row) != 3),
            new Case("In", Filter.in("name", List.of("row-1", "row-2", "none")),
                row -> row.get("name").equals("row-1") || row.get("name").equals("row-2")),
            new Case("NotIn", Filter.notIn("name", List.of("row-1")), row -> !row.get("name").equals("row-1")),
            new Case("Lt", Filter.lt("number", 3), row -> number(row) < 3),
            new Case("Lte", Filter.lte("number", 3), row -> number(row) <= 3),
            new Case("Gt", Filter.gt("number", 3), row -> number(row) > 3),
            new Case("Gte", Filter.gte("number", 3), row -> number(row) >= 3),
            new Case("Contains", Filter.contains("tags", "t1"), row -> items(row, "tags").contains("t1")),
            new Case("NotContains", Filter.notContains("tags", "t1"), row -> !items(row, "tags").contains("t1")),
            new Case("ContainsAny", Filter.containsAny("tags", List.of("t1", "u2")),
                row -> items(row, "tags").contains("t1") || items(row, "tags").contains("u2")),
            new Case("NotContainsAny", Filter.notContainsAny("tags", List.of("t1", "u2")),
                row -> !items(row, "tags").contains("t1") && !items(row, "tags").contains("u2")),
            new Case("AnyLt", Filter.anyLt("scores", 1), row -> any(row, score -> score < 1)),
            new Case("AnyLte", Filter.anyLte("scores", 1), row -> any(row, score -> score <= 1)),
            new Case("AnyGt", Filter.anyGt("scores", 9), row -> any(row, score -> score > 9)),
            new Case("AnyGte", Filter.anyGte("scores", 9), row -> any(row, score -> score >= 9)),
            new Case("Glob", Filter.glob("name", "row-1*"), row -> row.get("name").toString().startsWith("row-1")),
            new Case("NotGlob", Filter.notGlob("name", "row-1*"),
                row -> !row.get("name").toString().startsWith("row-1")),
            new Case("IGlob", Filter.iGlob("name", "ROW-?"), row -> row.get("name").toString().length() == 5),
            new Case("NotIGlob", Filter.notIGlob("name", "ROW-?"), row -> row.get("name").toString().length() != 5),
            new Case("Regex", Filter.regex("name", "^row-[13]+$"),
                row -> row.get("name").toString().matches("row-[13]+")),
            new Case("ContainsAllTokens", Filter.containsAllTokens("text", "water deep"),
                row -> row.get("text").equals("deep water")),
            new Case("Not", Filter.not(Filter.gt("number", 3)), row -> number(row) <= 3),
            new Case("And", Filter.and(Filter.gt("number", 3), Filter.eq("flag", true)),
                row -> number(row) > 3 && (boolean) row.get("flag")),
            new Case("Or", Filter.or(Filter.eq("number", 3), Filter.eq("flag", true)),
                row -> number(row) == 3 || (boolean) row.get("flag")));
        for (Case one : cases) {
            List<Long> wanted = rows.stream().filter(one.passes()).map(Script::id).toList();
            same(one.name(), wanted, ids(ask(null, one.filter(), 1000)));
            var counted = namespace.query(NamespaceQueryParams.builder().filters(one.filter())
                .aggregateBy(Map.of("rows", AggregateBy.count())).build());
            long count = counted.aggregations().orElseThrow().get("rows").convert(Long.class);
            same(one.name() + " counted", (long) wanted.size(), count);
        }
        return cases.size();
    }

    private void ranks() {
        RankBy near = RankBy.vector("vector", List.of(7f, 93f));
        same("nearest", List.of(7L, 6L, 8L), ids(ask(near, null, 3)));
        same("nearest even", List.of(6L), ids(ask(near, Filter.eq("flag", true), 1)));
        var found = new HashSet<>(ids(ask(RankByText.bm25("text", "water"), null, 1000)));
        var wanted = rows.stream().filter(row -> row.get("text").equals("deep water")).map(Script::id);
        same("text", wanted.collect(Collectors.toSet()), found);
        RankBy order = RankBy.attribute("number", RankByAttributeOrder.DESC);
        same("order", List.of(9L, 19L), ids(ask(order, null, 2)));
    }

    private void pages() {
        List<Long> seen = new ArrayList<>(List.of(0L));
        while (true) {
            List<Long> page = ids(ask(null, Filter.gt("id", seen.get(seen.size() - 1)), 17));
            if (page.isEmpty()) {
                break;
            }
            seen.addAll(page);
        }
        same("pages", rows.stream().map(Script::id).toList(), seen.subList(1, seen.size()));
    }

    private void changes() {
        var patch = NamespaceWriteParams.builder()
            .addPatchRow(Row.builder().put("id", 1L).put("number", 77L).build())
            .addPatchRow(Row.builder().put("id", 999L).put("number", 77L).build()).build();
        same("patched", 1L, namespace.write(patch).rowsPatched().orElse(-1L));
        rows.get(0).put("number", 77L);
        var delete = NamespaceWriteParams.builder().addDelete(4).addDelete(5).build();
        same("deleted", 2L, namespace.write(delete).rowsDeleted().orElse(-1L));
        var byFilter = NamespaceWriteParams.builder().deleteByFilter(Filter.eq("number", 9)).build();
        same("deleted by filter", 8L, namespace.write(byFilter).rowsDeleted().orElse(-1L));
        rows = rows.stream().filter(row -> id(row) != 4 && id(row) != 5 && number(row) != 9)
            .collect(Collectors.toCollection(ArrayList::new));
        var absent = NamespaceWriteParams.builder().upsertCondition(Filter.eq("number", 1))
            .addUpsertRow(Row.builder().putAll(row(6)).build())
            .addUpsertRow(Row.builder().putAll(row(500)).build()).build();
        same("upserted on a condition", 1L, namespace.write(absent).rowsUpserted().orElse(-1L));
        rows.add(row(500));
    }

    private void facts() {
        var schema = namespace.metadata().schema()._additionalProperties();
        same("listed", true, schema.containsKey("vector") && schema.containsKey("tags"));
        var listed = client.namespaces().autoPager().stream().map(summary -> summary.id());
        same("namespaces", true, listed.anyMatch(namespace.id()::equals));
        expect(NotFoundException.class, () -> client.namespace("java-none").metadata());
        RankBy unknown = RankBy.attribute("nothing", RankByAttributeOrder.ASC);
        expect(BadRequestException.class, () -> ask(unknown, null, 1));
    }

    private List<Row> ask(RankBy rank, Filter filter, long limit) {
        var query = NamespaceQueryParams.builder().topK(limit)
            .rankBy(rank == null ? RankBy.attribute("id", RankByAttributeOrder.ASC) : rank);
        if (filter != null) {
            query.filters(filter);
        }
        return namespace.query(query.build()).rows().orElseThrow();
    }

    private static List<Long> ids(List<Row> rows) {
        return rows.stream().map(row -> ((JsonValue) row.get("id")).convert(Long.class)).toList();
    }

    private static long id(Map<String, Object> row) {
        return (long) row.get("id");
    }

    private static long number(Map<String, Object> row) {
        return (long) row.get("number");
    }

    private static List<?> items(Map<String, Object> row, String name) {
        return (List<?>) row.getOrDefault(name, List.of());
    }

    private static boolean any(Map<String, Object> row, Predicate<Long> passes) {
        return items(row, "scores").stream().anyMatch(score -> passes.test((Long) score));
    }

    private void same(String what, Object wanted, Object found) {
        if (!wanted.equals(found)) {
            throw new AssertionError(what + ": wanted " + wanted + ", found " + found);
        }
    }

    private void expect(Class<? extends Exception> wanted, Runnable action) {
        try {
            action.run();
        } catch (Exception error) {
            same("error", wanted, error.getClass());
            return;
        }
        throw new AssertionError("no " + wanted.getSimpleName());
    }
}
