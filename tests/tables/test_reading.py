"""What is recognised, what is said of it, and what is refused with one sentence."""

import numpy as np
import pandas as pd
import pytest

from ceteris.tables import read_table, split_target


def file(tmp_path, text, name="t.csv", encoding="utf-8"):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return tmp_path / name


def rows(*columns):
    """Lines of a table of 60 rows, each column a function of the row."""
    return "".join(",".join(str(column(i)) for column in columns) + "\n" for i in range(60))


def test_a_plain_table_is_as_pandas_reads_it_and_nothing_is_said(tmp_path):
    path = file(tmp_path, "a,y,b\n1,0.5,u\n2,1.5,v\n3,,u\n")
    read = read_table(path)
    pd.testing.assert_frame_equal(read.frame, pd.read_csv(path))
    assert (read.sentences, dict(read.left_out)) == ((), {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,a\n1,2,3\n", r"t\.csv has more than one column 'a'; give every column its own name"),
        ("a,b, a\n1,2,3\n", r"has more than one column 'a'"),
        ("a,,c\n1,2,3\n", r"has no name for column 2; give every column a name in the first row"),
        ("a,b,\n1,2,3\n", r"column 3 has no name, but holds values"),
        ("5.1,3.5\n4.9,3.0\n", r"begins with a row of numbers \('5\.1', '3\.5'\), so that the names seem to lack"),
        ("a,b\n1,2\n3,4,5\n6,7\n", r"has 3 field\(s\) in line 3, but 2 names in its first row"),
        ("a,b\n1,2\n\n3\n6,7\n", r"has 1 field\(s\) in line 4, but 2 names"),
        ("a,b\n1,2,3\n4,5,6\n", r"has 2 names in its first row, but every row has 3 fields; name all columns"),
        ('a,b\n"x\ny",2\n3,4,5\n', r"has 3 field\(s\) in line 4, but 2 names"),
        ('a,b\n1,2\n5" pipe,2\n', r"has a quotation mark in mid-field in line 3"),
        ('a,b\n1,"2\n3,4\n', r"the quotation mark opened in line 2 is still open at the EOF"),
        (
            "a;b,c;d\n1;2,3;4\n5;6,7;8\n",
            r"separated by commas \(2 columns\) and semicolons \(3 columns\), and every row",
        ),
        (
            "a;b\n1,000;x\n2,500;y\n",
            r"column 'a', has numbers such as 1,000, in which the mark may be .* \(--decimal\)",
        ),
        ("a;b\n1.250;x\n2.500;y\n", r"column 'a', has numbers such as 1\.234, in which the mark may be"),
        ("a;b\n1,000;x\n2,5;y\n", r"column 'a', holds '1,000' and '2,5', so that the comma may set thousands apart or"),
        (
            "a;b\n1,5;2.5\n2,5;3.5\n",
            r"has decimal points in column 'b' and decimal commas in column 'a'; write both alike",
        ),
        ("a,b\n1,\0\n", r"has zero bytes, so that it is no text"),
        ("a,b\n\n\n", r"has 0 rows and 2 columns; give a table with rows"),
        ("a,b\n,\n,\n", r"has 0 rows and 2 columns"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_table(file(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "values", "sentence"),
    [
        ('x,n\n"1,000",1\n"12,500",2\n', [1000, 12500], "commas set thousands apart"),
        ("x;n\n1.000,5;1\n2.000;2\n", [1000.5, 2000], "points set thousands apart; decimals are marked by commas"),
        ("x;n\n1 000,5;1\n2 000;2\n", [1000.5, 2000], "spaces set thousands apart"),
        ("x;n\n1\u202f000;1\n-2\u202f000;2\n", [1000, -2000], "spaces set thousands apart"),
        ("x,n\n1'250.5,1\n12'000,2\n", [1250.5, 12000], "apostrophes set thousands apart"),
        ("x,n\n€12.50,1\n€3,2\n", [12.5, 3], "'€' is the unit"),
        ("x,n\n5 %,1\n7 %,2\n", [5, 7], "'%' is the unit"),
        ("x;n\n1,125;1\n2,5;2\n", [1.125, 2.5], "decimals are marked by commas"),
        ("x,n\n-,1\n2.5,2\n", [np.nan, 2.5], "In columns of numbers '-' and empty fields are missing values"),
        ("x,n\nn/a,1\n?,2\n.,3\nNA,4\n7,5\n", [np.nan] * 4 + [7], "'.', '?', 'NA', 'n/a' and empty fields are missing"),
        ("x|n\n1|1\n2|2\n", [1, 2], "fields are separated by vertical bars"),
        ("sep=;\nx;n\n1;1\n2;2\n", [1, 2], "fields are separated by semicolons"),
        ("# made by hand\nx,n\n1,1\n2,2\n", [1, 2], "1 line(s) beginning with # before the names are left out"),
        ("x,n,\n1,1,\n2,2,\n", [1, 2], "Separators at the end of the rows are left out"),
        ("x,n\n1,1,\n2,2,\n", [1, 2], "Separators at the end of the rows are left out"),
        ("x,n\n1,1\n,\n2,2\n\n", [1, 2], "1 row(s) without any value are left out"),
        (" x,n\n1,1\n2,2\n", [1, 2], "The names have spaces around them (' x')"),
        ("x,n\r1,1\r2,2\r", [1, 2], ""),
        ("x,n\n1,1\n1,2\n", [1, 1], "Column 'x' is constant (1)"),
    ],
)
def test_numbers_are_recognised_and_that_is_said(tmp_path, text, values, sentence):
    read = read_table(file(tmp_path, text))
    np.testing.assert_array_equal(read.frame["x"], np.array(values, float))
    assert sentence in " ".join(read.sentences)


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8-sig", "UTF-8 with a byte order mark"),
        ("utf-16", "UTF-16"),
        ("cp1252", "Windows-1252 (it is not UTF-8)"),
    ],
)
def test_the_encoding_is_recognised_wherever_it_shows(tmp_path, encoding, said):
    for text in ("größe,b\n1,u\n2,v\n", "a,b\n" + "1,u\n" * 100_000 + "2,ö\n"):
        read = read_table(file(tmp_path, text, encoding=encoding))
        assert said in read.sentences[0]
        assert str(text[0]) in str(next(iter(read.frame)))[0]
        assert read.frame["b"].iloc[-1] in ("v", "ö")


def test_a_late_row_counts_as_an_early_one(tmp_path):
    """A megabyte of plain rows, then the one that decides."""
    plain = "".join(f"{i},{i % 7}.5\n" for i in range(100_000))
    with pytest.raises(ValueError, match=r"has 3 field\(s\) in line 100002"):
        read_table(file(tmp_path, "a,b\n" + plain + "1,2,3\n"))
    read = read_table(file(tmp_path, "a,b\n" + plain + "007,2\n"))
    assert read.left_out == {"a": "numbers and text, such as '0' and '007'"}
    read = read_table(file(tmp_path, "a,b\n" + plain + '"1,000",-\n'))
    assert read.frame["a"].iloc[-1] == 1000
    assert np.isnan(read.frame["b"].iloc[-1])
    semicolons = plain.replace(",", ";").replace(".", ",")
    with pytest.raises(ValueError, match=r"column 'b', holds '1,000' and '0,5'"):
        read_table(file(tmp_path, "a;b\n" + semicolons + "1;1,000\n"))


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (lambda i: f"P{i:03d}", "labels that are all different"),
        (lambda i: f"{i % 55} Main Street", "55 different labels in 60 rows"),
        (lambda i: f"2020-01-{1 + i % 28:02d}", "dates or times, such as '2020-01-01'"),
        (lambda i: f"{1 + i % 28}.12.2019", "dates or times"),
        (lambda i: f"{1 + i % 28:02d}jan2020", "dates or times"),
        (lambda i: f"{i % 24:02d}:30", "dates or times"),
        (lambda i: f"2020q{1 + i % 4}", "dates or times"),
        (lambda i: 20200101 + i % 28, "days as numbers, such as 20200101"),
        (lambda i: "unknown" if i == 7 else i, "numbers and text, such as '0' and 'unknown'"),
        (lambda i: f"{i}.25" if i % 2 else f'"{i},25"', "numbers written in two ways, such as '0,25' and '1.25'"),
        (lambda i: 12345678901234567890 + i, "long numbers that are all different"),
        (lambda i: "", "no value at all"),
    ],
)
def test_what_cannot_be_learnt_from_is_left_out_by_name(tmp_path, column, reason):
    path = file(tmp_path, "what,x\n" + rows(column, lambda i: i * 0.5))
    read = read_table(path)
    assert reason in read.left_out["what"]
    assert any(sentence.startswith("Column 'what' is left out: it holds") for sentence in read.sentences)
    assert list(read.frame) == ["x"]
    assert read.whole(read.frame)["what"].tolist() == [str(column(i)).strip('"') for i in range(60)]


@pytest.mark.parametrize(
    ("name", "column", "left"),
    [
        ("respondent_id", lambda i: 1017 + 7 * i, True),
        ("firmId", lambda i: 60 - i, True),
        ("ID", lambda i: i, True),
        ("row", lambda i: i, True),
        ("", lambda i: i + 1, True),  # names of rows, as R writes them
        ("row", lambda i: i * i, False),
        ("firm_id", lambda i: i // 2, False),  # repeats
        ("id", lambda i: i * 0.5, False),
        ("age", lambda i: i, False),  # counts, but is no name of an identifier
        ("year", lambda i: 1960 + i, False),
        ("income", lambda i: 3.7 * i + 0.1, False),
        ("yes", lambda i: ("true", "FALSE")[i % 2], False),
        ("few", lambda i: f"label {i % 12}", False),
    ],
)
def test_a_quantity_is_no_identifier(tmp_path, name, column, left):
    read = read_table(file(tmp_path, f"{name},x\n" + rows(column, lambda i: i * 0.5)))
    assert (len(read.left_out) == 1) is left


def test_what_is_asked_for_goes_before_what_is_recognised(tmp_path):
    text = "x,id,day,zip,kind,note\n" + rows(
        lambda i: i,
        lambda i: i,
        lambda i: f"2020-01-{1 + i % 28:02d}",
        lambda i: f"0{i % 9}",
        lambda i: i % 3,
        lambda i: f"n{i}",
    )
    path = file(tmp_path, text)
    assert set(read_table(path).left_out) == {"id", "day", "note"}
    types = {"id": "number", "day": "category", "zip": "number", "kind": "category", "note": "category"}
    read = read_table(path, types=types)
    assert read.left_out == {}
    assert [read.frame[name].iloc[3] for name in types] == [3, "2020-01-04", 3, "0", "n3"]
    assert set(read_table(path, ignore="zip", id=["kind"]).left_out) == {"id", "day", "note", "zip", "kind"}
    assert "zip" not in read_table(path, types={"zip": "text"}).frame
    assert list(read_table(path, needed=["day"]).frame) == ["x", "day", "zip", "kind"]
    for options, message in [
        ({"types": {"zipp": "id"}}, "types is 'zipp', but must be a column of the data: .*; did you mean 'zip'"),
        ({"ignore": ["no"]}, "ignore is 'no', but must be a column"),
        ({"id": ["no"]}, "id is 'no', but must be a column"),
        ({"types": {"zip": "word"}}, "types: the kind of 'zip' is 'word', but must be one of number, category"),
        ({"types": {"note": "number"}}, "types: column 'note' is to be numbers, but holds 'n0'"),
        ({"ignore": ["zip"], "needed": ["zip"]}, "ignore: column 'zip' is to be left out, but it is needed"),
        ({"separator": "x"}, "separator is 'x', but must be one of"),
        ({"decimal": "x"}, "decimal is 'x', but must be one of"),
    ]:
        with pytest.raises(ValueError, match=message):
            read_table(path, **options)


def test_a_mark_that_cannot_be_told_can_be_given(tmp_path):
    path = file(tmp_path, "a;b\n1,000;x\n2,500;y\n")
    assert read_table(path, decimal="comma").frame["a"].tolist() == [1, 2.5]
    assert read_table(path, decimal=".").frame["a"].tolist() == [1000, 2500]
    path = file(tmp_path, "a;b,c;d\n1;2,3;4\n5;6,7;8\n")
    assert list(read_table(path, separator="semicolon").frame) == ["a", "b,c", "d"]


def test_truth_values_and_signs_in_labels_stay_as_they_are(tmp_path):
    read = read_table(file(tmp_path, "t,u,x\ntrue,-,1\nFALSE,a,2\nyes,?,3\n"))
    assert read.frame["t"].tolist() == ["true", "FALSE", "yes"]
    assert read.frame["u"].tolist() == ["-", "a", "?"]
    assert "In 'u' '-' is a label like the others." in read.sentences


def test_codes_keep_their_zeros(tmp_path):
    read = read_table(file(tmp_path, "zip,x\n01067,1\n80331,2\n10115,3\n"))
    assert read.frame["zip"].tolist() == ["01067", "80331", "10115"]
    assert "Column 'zip' is read as labels: its numbers begin with zeros, as codes do." in read.sentences


def test_the_target_is_taken_out_and_nothing_else_changes(tmp_path):
    read = read_table(file(tmp_path, "a,y,b\n1,0.5,u\n2,1.5,v\n"))
    features, y, same = split_target(read, "y")
    pd.testing.assert_frame_equal(features, pd.DataFrame({"a": [1, 2], "b": ["u", "v"]}))
    np.testing.assert_array_equal(y, [0.5, 1.5])
    assert same is read


def test_a_copy_of_the_target_is_left_out(tmp_path):
    read = read_table(file(tmp_path, 'a,y,twin,z\n1,1000,"1,000",u\n2,1500,"1,500",u\n'))
    features, _, read = split_target(read, "y")
    assert list(features) == ["a", "z"]
    assert read.sentences[-1] == "Column 'twin' is left out: it holds a copy of the target."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "y,x\n" + rows(lambda i: f"2020-01-{1 + i % 28:02d}", lambda i: i),
            "holds dates or times, such as '2020-01-01'",
        ),
        ("y,x\n" + rows(lambda i: f"w{i}", lambda i: i), "holds labels that are all different"),
        (
            "y,x\n" + rows(lambda i: "many" if i == 9 else i, lambda i: i),
            "holds numbers and text, such as '0' and 'many'",
        ),
        ("y,x\n" + rows(lambda i: "-" if i == 9 else i, lambda i: i), "has 1 missing values in 60 rows; remove those"),
        ("y,x\n1,1\n2,2\n", "every other column is a copy of 'y'"),
    ],
)
def test_a_target_that_cannot_be_predicted_is_refused(tmp_path, text, message):
    read = read_table(file(tmp_path, text), needed=["y"])
    with pytest.raises(ValueError, match=message):
        split_target(read, "y")


def test_parquet_is_held_to_the_same(tmp_path):
    pytest.importorskip("pyarrow")
    table = pd.DataFrame({
        "person_id": range(60), "day": pd.date_range("2020-01-01", periods=60),
        "income": [f"{i},000" for i in range(1, 61)],
        "name": [f"n{i}" for i in range(60)], "x": np.arange(60) * 0.5, "kind": pd.Categorical(["a", "b"] * 30),
    })  # fmt: skip
    table.to_parquet(tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert set(read.left_out) == {"person_id", "day", "name"}
    assert read.frame["income"].tolist() == [1000 * i for i in range(1, 61)]
    assert read.whole(read.frame)["day"].equals(table["day"])
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table([[1], [2]], names=["a", "a "]), tmp_path / "twins.parquet")
    with pytest.raises(ValueError, match="has more than one column 'a'"):
        read_table(tmp_path / "twins.parquet")
