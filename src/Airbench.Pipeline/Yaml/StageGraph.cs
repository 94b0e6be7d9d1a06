namespace Airbench.Pipeline;

/// <summary>The graph that <c>needs</c> makes.</summary>
internal static class StageGraph
{
    /// <summary>Reports stages that are missing, needed twice or in a circle, and inputs that a stage lacks or gets twice.</summary>
    public static void Check(IReadOnlyList<StageDraft> stages, IReadOnlyList<IStage> kinds, Problems problems)
    {
        var byKey = stages.ToDictionary(s => s.Key);
        foreach (var stage in stages)
        {
            foreach (var (need, at) in stage.Needs.Where(n => !byKey.ContainsKey(n.Key)))
            {
                var hint = Suggestion.For(need, byKey.Keys);
                problems.Add(at, $"{stage.Key}.needs: there is no stage {Quote.Show(need)}{hint}; stages: {string.Join(", ", byKey.Keys)}");
            }
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var (need, at) in stage.Needs.Where(n => !seen.Add(n.Key)))
            {
                problems.Add(at, $"{stage.Key}.needs: found {Quote.Show(need)} twice; expected once");
            }

            CheckInputs(stage, byKey, kinds, problems);
        }
        CheckCircles(byKey, problems);
    }

    /// <summary>An order in which every stage comes after those that it needs: the file's order where that is one already.</summary>
    public static IReadOnlyList<PipelineStage> Order(IReadOnlyList<PipelineStage> stages)
    {
        var left = stages.ToList();
        var done = new HashSet<string>(StringComparer.Ordinal);
        var order = new List<PipelineStage>();
        while (left.Count > 0)
        {
            var next = left.First(stage => stage.Needs.All(done.Contains));
            left.Remove(next);
            done.Add(next.Key);
            order.Add(next);
        }
        return order;
    }

    /// <summary>The stage itself and every stage that needs it, directly or through others.</summary>
    public static IReadOnlySet<string> WithDependants(string key, IReadOnlyList<PipelineStage> ordered)
    {
        var result = new HashSet<string>(StringComparer.Ordinal) { key };
        foreach (var stage in ordered.Where(s => s.Needs.Any(result.Contains)))
        {
            result.Add(stage.Key);
        }

        return result;
    }

    private static void CheckInputs(StageDraft stage, Dictionary<string, StageDraft> byKey, IReadOnlyList<IStage> kinds, Problems problems)
    {
        // A need that could not be read says so itself; what it would have brought is unknown.
        var needs = stage.Needs.Select(n => byKey.GetValueOrDefault(n.Key)).Distinct().ToList();
        if (stage.Kind is null || needs.Any(n => n?.Kind is null))
        {
            return;
        }

        var required = stage.Kind.Inputs.Concat(stage.Options is { } options ? stage.Kind.InputsFor(options) : []).ToList();
        foreach (var input in required.Union(stage.Kind.OptionalInputs))
        {
            var makers = needs.Where(n => input.IsAssignableFrom(n!.Kind!.Output)).Select(n => n!.Key).ToList();
            var who = $"stage '{stage.Key}' (uses {stage.Kind.Uses})";
            if (makers.Count == 0 && required.Contains(input))
            {
                problems.Add(stage.NeedsAt, $"{who} needs {A(input.Name)}: {Remedy(input, stage, byKey.Values, kinds)}");
            }
            else if (makers.Count > 1)
            {
                problems.Add(stage.NeedsAt, $"{who} needs one {input.Name}; found {makers.Count} in needs: {string.Join(", ", makers)}");
            }
        }
    }

    private static string Remedy(Type input, StageDraft stage, IEnumerable<StageDraft> stages, IReadOnlyList<IStage> kinds)
    {
        bool Makes(IStage? kind) => kind is not null && input.IsAssignableFrom(kind.Output);
        var present = stages.Where(s => s != stage && Makes(s.Kind)).Select(s => $"'{s.Key}'").ToList();
        if (present.Count > 0)
        {
            return $"add {string.Join(" or ", present)} to needs";
        }

        var makers = kinds.Where(Makes).Select(k => A(k.Uses)).ToList();
        return makers.Count > 0 ? $"add {string.Join(" or ", makers)} stage, and its name to needs" : "no kind of stage makes one";
    }

    private static string A(string noun) => "AEIOUaeiou".Contains(noun[0], StringComparison.Ordinal) ? $"an {noun}" : $"a {noun}";

    private static void CheckCircles(Dictionary<string, StageDraft> byKey, Problems problems)
    {
        var finished = new HashSet<string>(StringComparer.Ordinal);
        var path = new List<string>();
        foreach (var key in byKey.Keys)
        {
            Visit(key);
        }

        void Visit(string key)
        {
            if (finished.Contains(key))
            {
                return;
            }

            path.Add(key);
            foreach (var (need, at) in byKey[key].Needs.Where(n => byKey.ContainsKey(n.Key)))
            {
                var start = path.IndexOf(need);
                if (start >= 0)
                {
                    problems.Add(at, $"stages depend on each other in a cycle: {string.Join(" -> ", [.. path[start..], need])}");
                }
                else
                {
                    Visit(need);
                }
            }
            path.RemoveAt(path.Count - 1);
            finished.Add(key);
        }
    }
}
