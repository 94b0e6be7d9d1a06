namespace Airbench.Data;

/// <summary>What an archive unpacks to, under an <see cref="UnpackBudget"/>.</summary>
internal sealed class BudgetedStream(Stream inner, UnpackBudget budget) : ForwardStream(inner)
{
    /// <inheritdoc/>
    /// <exception cref="DataException">The archive unpacks to more than it may.</exception>
    /// <exception cref="InvalidFileException">The archive is damaged here.</exception>
    public override int Read(Span<byte> buffer)
    {
        int read;
        try
        {
            read = Inner.Read(buffer);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw budget.Damaged(e);
        }
        budget.Take(read);
        return read;
    }
}
